// SPDX-License-Identifier: Apache-2.0
import type { ValueFamily } from "./arg-types.ts";

/** What an operator does; it determines, with the argument's type, how its values are read. */
export type OperatorKind =
  | "equal"
  | "greater"
  | "less"
  | "mask"
  | "range"
  | "in-map"
  | "prefix"
  | "postfix"
  | "saddr"
  | "daddr"
  | "sport"
  | "dport"
  | "sport-priv"
  | "dport-priv"
  | "protocol"
  | "family"
  | "state";

export type OperatorRow = {
  readonly kind: OperatorKind;
  readonly negate: boolean;
  readonly families: readonly ValueFamily[];
};

const texts: readonly ValueFamily[] = ["text", "path", "bytes"];
const integers: readonly ValueFamily[] = ["integer"];
const sockets: readonly ValueFamily[] = ["socket"];
const addresses: readonly ValueFamily[] = ["socket", "address"];

const is = (kind: OperatorKind, families: readonly ValueFamily[]): OperatorRow => ({
  kind,
  negate: false,
  families,
});
const not = (kind: OperatorKind, families: readonly ValueFamily[]): OperatorRow => ({
  kind,
  negate: true,
  families,
});

/** The operators that compare an argument. */
const argOperators = {
  Equal: is("equal", ["integer", ...texts]),
  NotEqual: not("equal", ["integer", ...texts]),
  GT: is("greater", integers),
  GreaterThan: is("greater", integers),
  LT: is("less", integers),
  LessThan: is("less", integers),
  Mask: is("mask", integers),
  InRange: is("range", integers),
  NotInRange: not("range", integers),
  InMap: is("in-map", integers),
  NotInMap: not("in-map", integers),
  Prefix: is("prefix", texts),
  NotPrefix: not("prefix", texts),
  Postfix: is("postfix", texts),
  NotPostfix: not("postfix", texts),
  SAddr: is("saddr", addresses),
  NotSAddr: not("saddr", addresses),
  DAddr: is("daddr", sockets),
  NotDAddr: not("daddr", sockets),
  SPort: is("sport", addresses),
  NotSPort: not("sport", addresses),
  SPortPriv: is("sport-priv", addresses),
  NotSportPriv: not("sport-priv", addresses),
  DPort: is("dport", sockets),
  NotDPort: not("dport", sockets),
  DPortPriv: is("dport-priv", sockets),
  NotDPortPriv: not("dport-priv", sockets),
  Protocol: is("protocol", sockets),
  Family: is("family", addresses),
  State: is("state", sockets),
} as const satisfies Readonly<Record<string, OperatorRow>>;

/** Operators of the language that nothing implements yet: what to write instead. */
const unsupported = {
  CelExpr:
    "Write the comparison with Equal, GT, LT, Mask or InRange; entries of matchArgs are all required, selectors are alternatives.",
  SubString: "Use Prefix or Postfix.",
  SubStringIgnCase: "Use Prefix or Postfix, which tell upper from lower case.",
  FileType: "Compare the path with Prefix or Postfix.",
  NotFileType: "Compare the path with NotPrefix or NotPostfix.",
  CapabilitiesGained: "Use matchCapabilities.",
} as const;

type ArgOperatorName = keyof typeof argOperators | keyof typeof unsupported;

export const argOperatorsByName: ReadonlyMap<string, OperatorRow> = new Map(
  Object.entries(argOperators),
);

export const argOperatorNames = Object.keys({
  ...argOperators,
  ...unsupported,
}) as readonly string[] as readonly ArgOperatorName[];

/** The operators that fit a type, in the order of the table. */
export function operatorsFor(family: ValueFamily): readonly string[] {
  return [...argOperatorsByName]
    .filter(([, row]) => row.families.includes(family))
    .map(([name]) => name);
}

/** What to write instead of an unsupported operator. */
export const insteadOfArgOperator = (name: ArgOperatorName): string =>
  new Map<string, string>(Object.entries(unsupported)).get(name) ?? "";
