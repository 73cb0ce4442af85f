// SPDX-License-Identifier: Apache-2.0
import type { TestOf } from "../compiled-policy.ts";
import { type IntegerSet, intersection, union } from "./integer-sets.ts";

type TextTest = TestOf<"texts">;

/** A test of one argument, by its position in the hook's list. */
export type Literal =
  /** The number is in the set. Never empty. */
  | { readonly is: "set"; readonly arg: number; readonly set: IntegerSet }
  /** `some`: the number has one of the bits, else: none of them. */
  | { readonly is: "bits"; readonly arg: number; readonly bits: bigint; readonly some: boolean }
  /** Calculated with that of another argument, `arg - other` or `arg + other`, it is in the set. */
  | {
      readonly is: "pair";
      readonly how: "difference" | "sum";
      readonly arg: number;
      readonly other: number;
      readonly set: IntegerSet;
    }
  | { readonly is: "text"; readonly arg: number; readonly test: TextTest };

/** A condition without negation. An argument that does not exist fits no literal on it. */
export type Formula = boolean | Part;

type Part = Literal | Group;
type Group = { readonly is: "or" | "and"; readonly of: readonly Part[] };

const isLiteral = (part: Part): part is Literal => part.is !== "or" && part.is !== "and";

/** Literals on the same argument are joined where one can say both. */
export function or(parts: readonly Formula[]): Formula {
  return combine("or", parts);
}

export function and(parts: readonly Formula[]): Formula {
  return combine("and", parts);
}

function combine(is: "or" | "and", parts: readonly Formula[]): Formula {
  const decides = is === "or";
  const joined: Part[] = [];
  for (const part of parts.flatMap((one) => flat(is, one))) {
    if (part === decides) return decides;
    if (typeof part === "boolean") continue;
    const merged = addTo(joined, part, is);
    if (merged === "never") return false;
  }
  const [first] = joined;
  if (first === undefined) return !decides;
  return joined.length === 1 ? first : { is, of: joined };
}

const flat = (is: "or" | "and", part: Formula): readonly Formula[] =>
  typeof part !== "boolean" && part.is === is ? part.of : [part];

function addTo(joined: Part[], part: Part, is: "or" | "and"): "never" | undefined {
  for (const [i, other] of joined.entries()) {
    const merged = merge(other, part, is);
    if (merged === undefined) continue;
    if (merged === "never") return merged;
    joined[i] = merged;
    return undefined;
  }
  joined.push(part);
  return undefined;
}

/** One literal for two; undefined: it takes both. */
function merge(a: Part, b: Part, is: "or" | "and"): Literal | "never" | undefined {
  if (!isLiteral(a) || !isLiteral(b) || a.arg !== b.arg) return undefined;
  if ((a.is === "set" && b.is === "set") || (a.is === "pair" && b.is === "pair")) {
    if (a.is === "pair" && b.is === "pair" && (a.other !== b.other || a.how !== b.how))
      return undefined;
    const set = is === "or" ? union([...a.set, ...b.set]) : intersection(a.set, b.set);
    return set.length === 0 ? "never" : { ...a, set };
  }
  if (a.is === "bits" && b.is === "bits" && a.some === b.some && a.some === (is === "or"))
    return { ...a, bits: a.bits | b.bits };
  if (a.is === "text" && b.is === "text" && a.test.op === b.test.op) {
    if (a.test.negate !== b.test.negate || a.test.negate !== (is === "and")) return undefined;
    const values = [...new Set([...a.test.values, ...b.test.values])].sort();
    return { ...a, test: { ...a.test, values } };
  }
  return undefined;
}

/**
 * Lists of literals, of which one must hold as a whole; `true`: always, an empty list: never. Undefined: there
 * would be more than `most`, each counted by `weigh`.
 */
export function alternativesOf(
  formula: Formula,
  most: number,
  weigh: (literals: readonly Literal[]) => number,
): readonly (readonly Literal[])[] | true | undefined {
  if (formula === true) return true;
  const lists = expand(formula, most);
  if (lists === undefined) return undefined;
  const weight = lists.reduce((sum, list) => sum + weigh(list), 0);
  return weight > most ? undefined : lists;
}

function expand(formula: Formula, most: number): (readonly Literal[])[] | undefined {
  if (typeof formula === "boolean") return formula ? [[]] : [];
  if (isLiteral(formula)) return [[formula]];
  let lists: (readonly Literal[])[] = formula.is === "or" ? [] : [[]];
  for (const part of formula.of) {
    const more = expand(part, most);
    if (more === undefined) return undefined;
    lists =
      formula.is === "or"
        ? [...lists, ...more]
        : lists.flatMap((list) => more.flatMap((other) => together(list, other)));
    if (lists.length > most) return undefined;
  }
  return lists;
}

/** Both lists as one; none if no value passes it. */
function together(
  list: readonly Literal[],
  other: readonly Literal[],
): readonly (readonly Literal[])[] {
  const both = and([...list, ...other]);
  if (typeof both === "boolean") return both ? [[]] : [];
  // Literals are joined to one, or to a list of them.
  return [isLiteral(both) ? [both] : both.of.filter(isLiteral)];
}
