// SPDX-License-Identifier: Apache-2.0

import type { ArgTypeRow, OperatorKind, OperatorRow } from "@gander/crd-schemas";
import type { ArgTest } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { compileIntegerValues } from "./compile-integer-values.ts";
import {
  compileNames,
  compileNetworks,
  compilePorts,
  privilegedPorts,
} from "./compile-socket-values.ts";
import { compileTextValues } from "./compile-text-values.ts";

/** How a family of operators compiles the values of a filter; `scope` is that of the values. */
type Compile = (
  kind: OperatorKind,
  negate: boolean,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
) => ArgTest | undefined;

const byType: Compile = (kind, negate, type, values, scope) => {
  const compile = type.family === "integer" ? compileIntegerValues : compileTextValues;
  return compile(kind, negate, type, values, scope);
};

const compilers: Readonly<Record<OperatorKind, Compile>> = {
  equal: byType,
  greater: byType,
  less: byType,
  mask: byType,
  range: byType,
  "in-map": byType,
  prefix: byType,
  postfix: byType,
  saddr: (_, negate, __, values, scope) => compileNetworks("saddr", negate, values, scope),
  daddr: (_, negate, __, values, scope) => compileNetworks("daddr", negate, values, scope),
  sport: (_, negate, __, values, scope) => compilePorts("sport", negate, values, scope),
  dport: (_, negate, __, values, scope) => compilePorts("dport", negate, values, scope),
  "sport-priv": (_, negate) => privilegedPorts("sport", negate),
  "dport-priv": (_, negate) => privilegedPorts("dport", negate),
  protocol: (_, negate, __, values, scope) => compileNames("protocol", negate, values, scope),
  family: (_, negate, __, values, scope) => compileNames("family", negate, values, scope),
  state: (_, negate, __, values, scope) => compileNames("state", negate, values, scope),
};

/** Reads the values of a filter as its operator and the argument's type require. */
export function compileValues(
  { kind, negate }: OperatorRow,
  type: ArgTypeRow,
  values: readonly string[],
  scope: Scope,
): ArgTest | undefined {
  const place = scope.at("values");
  if (!checkCount(kind, values, place)) return undefined;
  return compilers[kind](kind, negate, type, values, place);
}

function checkCount(kind: OperatorKind, values: readonly string[], scope: Scope): boolean {
  const none = kind === "sport-priv" || kind === "dport-priv";
  if (none && values.length > 0) {
    scope.error(
      "policy-bad-value",
      "This operator takes no values",
      "Remove `values`: it always means the ports 0 to 1023.",
    );
  } else if (!none && values.length === 0) {
    scope.error(
      "policy-missing-field",
      "The filter has no values",
      "Add `values:` with what to compare to.",
    );
  } else if (values.length > limits.values) {
    scope.error(
      "policy-out-of-bounds",
      `The filter has ${values.length} values; ${limits.values} are possible`,
      "Use ranges, prefixes or networks.",
    );
  } else {
    return true;
  }
  return false;
}
