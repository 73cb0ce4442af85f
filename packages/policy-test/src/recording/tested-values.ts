// SPDX-License-Identifier: Apache-2.0
import type { CompiledFilter, CompiledHook } from "@gander/policy";
import type { NeededFact } from "./recording-format.ts";

/** What the filters of a hook entry ask of its calls. */
export type TestedValues = {
  /** Positions in `args`, and "return". */
  readonly values: ReadonlySet<number | "return">;
  /** Of which of these, the source port. */
  readonly sourcePorts: ReadonlySet<number | "return">;
  readonly facts: ReadonlySet<NeededFact>;
};

export function testedValues({ args, selectors }: CompiledHook): TestedValues {
  const values = new Set<number | "return">();
  const sourcePorts = new Set<number | "return">();
  const facts = new Set<NeededFact>();
  const visit = (filter: CompiledFilter): void => {
    switch (filter.on) {
      case "any":
        for (const list of filter.of) for (const one of list) visit(one);
        return;
      case "of-sets":
        visit(filter.filter);
        return;
      case "arg":
        values.add(filter.arg);
        if ("other" in filter.test) values.add(filter.test.other);
        if ("before" in filter.test) values.add(filter.test.before);
        if (filter.test.op === "sport") sourcePorts.add(filter.arg);
        return;
      case "untyped":
        values.add(filter.arg);
        if (filter.before !== undefined) values.add(filter.before);
        if (/SPort/i.test(filter.operator)) sourcePorts.add(filter.arg);
        return;
      case "expression":
        // Its text names them.
        for (const position of args.keys()) values.add(position);
        return;
      default:
        for (const fact of factsOf(filter)) facts.add(fact);
    }
  };
  for (const { filters, returnFilters } of selectors)
    for (const filter of [...filters, ...returnFilters]) visit(filter);
  return { values, sourcePorts, facts };
}

function factsOf(filter: CompiledFilter): readonly NeededFact[] {
  switch (filter.on) {
    case "pid":
      return filter.followForks || filter.inNamespace ? [] : ["pid"];
    case "parent-binary":
      return filter.followChildren ? ["parent", "ancestors"] : ["parent"];
    case "ancestor-binary":
      return ["parent", "ancestors"];
    case "binary":
      return filter.followChildren ? ["parent", "ancestors"] : [];
    default:
      return [];
  }
}
