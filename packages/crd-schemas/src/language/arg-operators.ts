// SPDX-License-Identifier: Apache-2.0
import type { ArgTypeRow, ValueFamily, ValueNames } from "./arg-types.ts";

/** For people. */
type Wording = {
  /** The verb, and the same with `not`. */
  readonly verbs: readonly [string, string];
  /** Which part of the argument is compared; absent: the argument itself. */
  readonly part?: string;
  /** How values are written, if not as those of other tests of its form. */
  readonly values?: string;
};

/** A test of a number against one bound; several values in a policy become one. */
type BoundTest = Wording & {
  readonly form: "bound";
  readonly row: string;
  /** The value that decides if a filter has several; 0 if it has none. */
  readonly join: (values: readonly bigint[]) => bigint;
  readonly holds: (value: bigint, bound: bigint) => boolean;
  /** What no value of the type is or has, if the test never holds for it. */
  readonly never: (bound: bigint, type: IntegerRange) => string | undefined;
  /** The bound consists of bits: it is unsigned. */
  readonly bits?: true;
};

/** The least and the greatest value of an integer type, and its name. */
type IntegerRange = {
  readonly name: string;
  readonly least: bigint;
  readonly greatest: bigint;
};

type PlainTest = Wording & {
  readonly form:
    | "integers"
    | "gained"
    | "pairs"
    | "ranges"
    | "texts"
    | "networks"
    | "ports"
    | "numbers";
  readonly row: string;
  /** Of texts: the kind of set that has them. */
  readonly set?: "strings" | "prefixes" | "postfixes";
};

const ascending = (values: readonly bigint[]) => [...values].sort((a, b) => (a < b ? -1 : 1));

const boundTests = {
  greater: {
    form: "bound",
    row: "GREATER",
    verbs: ["is greater than", "is not greater than"],
    join: (values) => ascending(values)[0] ?? 0n,
    holds: (value, bound) => value > bound,
    never: (bound, type) =>
      bound === type.greatest ? `No ${type.name} is greater than ${bound}` : undefined,
  },
  less: {
    form: "bound",
    row: "LESS",
    verbs: ["is less than", "is not less than"],
    join: (values) => ascending(values).at(-1) ?? 0n,
    holds: (value, bound) => value < bound,
    never: (bound, type) =>
      bound === type.least ? `No ${type.name} is less than ${bound}` : undefined,
  },
  mask: {
    form: "bound",
    row: "MASK",
    verbs: ["has one of the bits", "has none of the bits"],
    join: (values) => values.reduce((all, value) => all | value, 0n),
    holds: (value, bits) => (value & bits) !== 0n,
    never: (bits) => (bits === 0n ? "A mask of 0 has no bit in common with any value" : undefined),
    bits: true,
  },
} as const satisfies Readonly<Record<string, BoundTest>>;

/**
 * The tests of compiled policies. `form`: of their values, which determines how they are compiled and linked;
 * `row`: the name in `enum row_op` (bpf/abi.h), without ROW_, of what evaluates them.
 */
export const argTests = {
  equal: { form: "integers", row: "EQUAL", verbs: ["is", "is not"] },
  "in-set": {
    form: "integers",
    row: "EQUAL",
    verbs: ["is", "is not"],
    values: "numbers, ranges, and `list:NAME`: the numbers of its system calls",
  },
  ...boundTests,
  gained: { form: "gained", row: "GAINED", verbs: ["has", "does not have"] },
  // What expressions calculate with two arguments.
  difference: { form: "pairs", row: "DIFFERENCE", verbs: ["is", "is not"] },
  sum: { form: "pairs", row: "DIFFERENCE", verbs: ["is", "is not"] },
  range: { form: "ranges", row: "RANGE", verbs: ["is", "is not"] },
  "str-equal": { form: "texts", row: "STR_EQUAL", set: "strings", verbs: ["is", "is not"] },
  "str-prefix": {
    form: "texts",
    row: "STR_PREFIX",
    set: "prefixes",
    verbs: ["begins with", "does not begin with"],
  },
  "str-postfix": {
    form: "texts",
    row: "STR_POSTFIX",
    set: "postfixes",
    verbs: ["ends with", "does not end with"],
  },
  "str-contains": {
    form: "texts",
    row: "STR_CONTAINS",
    set: "prefixes",
    verbs: ["contains", "does not contain"],
  },
  "str-contains-any-case": {
    form: "texts",
    row: "STR_CONTAINS_ANY_CASE",
    set: "prefixes",
    verbs: ["contains, in upper or lower case,", "does not contain"],
  },
  "file-type": {
    form: "numbers",
    row: "FILE_TYPE",
    part: "file type",
    verbs: ["is", "is not"],
    values:
      "`reg` (`regular`), `dir`, `lnk` (`link`), `chr` (`char`), `blk` (`block`), `fifo` (`pipe`), `sock` (`socket`)",
  },
  origin: {
    form: "numbers",
    row: "ORIGIN",
    part: "origin",
    verbs: ["is", "is not"],
    values: "[origins](#origins)",
  },
  saddr: {
    form: "networks",
    row: "SADDR",
    part: "source address",
    verbs: ["is in", "is not in"],
  },
  daddr: {
    form: "networks",
    row: "DADDR",
    part: "destination address",
    verbs: ["is in", "is not in"],
  },
  sport: { form: "ports", row: "SPORT", part: "source port", verbs: ["is", "is not"] },
  dport: { form: "ports", row: "DPORT", part: "destination port", verbs: ["is", "is not"] },
  protocol: {
    form: "numbers",
    row: "PROTOCOL",
    part: "protocol",
    verbs: ["is", "is not"],
    values: "numbers or names: `IPPROTO_TCP`",
  },
  family: {
    form: "numbers",
    row: "FAMILY",
    part: "address family",
    verbs: ["is", "is not"],
    values: "numbers or names: `AF_INET6`",
  },
  state: {
    form: "numbers",
    row: "STATE",
    part: "state",
    verbs: ["is", "is not"],
    values: "numbers or names: `TCP_ESTABLISHED`",
  },
} as const satisfies Readonly<Record<string, BoundTest | PlainTest>>;

/** How values are written. */
const formValues: Readonly<Record<PlainTest["form"] | "bound", string>> = {
  integers: "numbers (`42`, `-1`, `0x2a`, `0o52`)",
  bound: "numbers",
  gained: "none, or the capabilities that count",
  pairs: "ranges",
  ranges: "`1000:1999`, both ends included",
  texts: "texts",
  networks: "addresses and networks: `10.0.0.1`, `10.0.0.0/8`, `fd00::/8`",
  ports: "ports and ranges: `443`, `8000:8999`",
  numbers: "numbers",
};

type ArgTests = typeof argTests;
export type TestForm = ArgTests[keyof ArgTests]["form"];
export type TestName<Form extends TestForm = TestForm> = {
  [Name in keyof ArgTests]: ArgTests[Name]["form"] extends Form ? Name : never;
}[keyof ArgTests];

/** The tests with values of this form, in the order of the table. */
export const testsOf = <Form extends TestForm>(form: Form): TestName<Form>[] =>
  (Object.keys(argTests) as TestName[]).filter(
    (name): name is TestName<Form> => argTests[name].form === form,
  );

/** Undefined: the operator isn't one that compares with a bound. */
export function boundTest(kind: OperatorKind) {
  const op = testsOf("bound").find((name) => name === kind);
  return op && { op, ...(boundTests[op] as BoundTest) };
}

/** What an operator does; it determines, with the argument's type, how its values are read. */
export type OperatorKind =
  | TestName<"bound" | "gained" | "networks" | "ports" | "numbers">
  | "equal"
  | "range"
  | "in-map"
  | "prefix"
  | "postfix"
  | "contains"
  | "contains-any-case"
  | "sport-priv"
  | "dport-priv";

export type OperatorRow = {
  readonly kind: OperatorKind;
  readonly negate: boolean;
  readonly families: readonly ValueFamily[];
  /** Possible in kinds of our own only (policy-kinds.ts). */
  readonly only?: "guard";
  /** Only for values with these names. */
  readonly names?: ValueNames;
};

const texts: readonly ValueFamily[] = ["text", "path", "bytes"];
const paths: readonly ValueFamily[] = ["path"];
const integers: readonly ValueFamily[] = ["integer"];
const sockets: readonly ValueFamily[] = ["socket"];
const peers: readonly ValueFamily[] = ["socket", "packet"];
const addresses: readonly ValueFamily[] = [...peers, "address"];

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

const inGuards = (row: OperatorRow): OperatorRow => ({ ...row, only: "guard" });

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
  CapabilitiesGained: { ...is("gained", integers), names: "capabilities" },
  Prefix: is("prefix", texts),
  NotPrefix: not("prefix", texts),
  Postfix: is("postfix", texts),
  NotPostfix: not("postfix", texts),
  SubString: is("contains", texts),
  SubStringIgnCase: is("contains-any-case", texts),
  FileType: is("file-type", paths),
  NotFileType: not("file-type", paths),
  Origin: inGuards(is("origin", paths)),
  NotOrigin: inGuards(not("origin", paths)),
  SAddr: is("saddr", addresses),
  NotSAddr: not("saddr", addresses),
  DAddr: is("daddr", peers),
  NotDAddr: not("daddr", peers),
  SPort: is("sport", addresses),
  NotSPort: not("sport", addresses),
  SPortPriv: is("sport-priv", addresses),
  NotSportPriv: not("sport-priv", addresses),
  DPort: is("dport", peers),
  NotDPort: not("dport", peers),
  DPortPriv: is("dport-priv", peers),
  NotDPortPriv: not("dport-priv", peers),
  Protocol: is("protocol", peers),
  Family: is("family", addresses),
  State: is("state", sockets),
} as const satisfies Readonly<Record<string, OperatorRow>>;

/** Its value is a condition on all arguments, in the Common Expression Language. */
export const expressionOperator = "CelExpr";

type ArgOperatorName = keyof typeof argOperators | typeof expressionOperator;

export const argOperatorsByName: ReadonlyMap<string, OperatorRow> = new Map(
  Object.entries(argOperators),
);

export const argOperatorNames = [
  ...Object.keys(argOperators),
  expressionOperator,
] as readonly string[] as readonly ArgOperatorName[];

/** Those that compare a text. */
export const textOperatorNames = [
  "Equal",
  "NotEqual",
  "Prefix",
  "NotPrefix",
  "Postfix",
  "NotPostfix",
  "SubString",
  "SubStringIgnCase",
] as const satisfies readonly ArgOperatorName[];

/** Of a variable, with whatever value. */
export const existenceNames = ["Exists", "DoesNotExist"] as const;

/** Those that only kinds of our own have. */
export const guardOperatorNames = argOperatorNames.filter(
  (name) => argOperatorsByName.get(name)?.only === "guard",
);

/** Kinds that become a test of another name: of texts, of numbers. */
const testsOfKinds: Readonly<Partial<Record<OperatorKind, readonly TestName[]>>> = {
  equal: ["equal", "str-equal"],
  "in-map": ["in-set"],
  prefix: ["str-prefix"],
  postfix: ["str-postfix"],
  contains: ["str-contains"],
  "contains-any-case": ["str-contains-any-case"],
};

/** When an operator holds, and how its values are written; for people. */
export function operatorText({ kind, negate }: OperatorRow): {
  readonly holds: string;
  readonly values: string;
} {
  if (kind === "gained")
    return {
      holds: "the second of two sets has one that the first lacks",
      values: formValues.gained,
    };
  if (kind === "sport-priv" || kind === "dport-priv") {
    const { part } = argTests[kind === "sport-priv" ? "sport" : "dport"];
    return { holds: `its ${part} is ${negate ? "not " : ""}0 to 1023`, values: "none" };
  }
  const tests = (testsOfKinds[kind] ?? [kind as TestName]).map(
    (name): BoundTest | PlainTest => argTests[name],
  );
  const first: BoundTest | PlainTest = tests[0] ?? argTests.equal;
  const { part, form } = first;
  const [verb] = first.verbs;
  return {
    holds: `${part === undefined ? "it" : `its ${part}`} ${verb} ${form === "bound" && verb.endsWith("bits") ? "of the values" : `${negate ? "none" : "one"} of the values`}`,
    values: tests.map(({ form, values }) => values ?? formValues[form]).join(", "),
  };
}

type Comparable = Pick<ArgTypeRow, "family" | "names">;

export const operatorFits = ({ families, names }: OperatorRow, type: Comparable): boolean =>
  families.includes(type.family) && (names === undefined || names === type.names);

/** The operators that fit a type in every kind of policy, in the order of the table. */
export const operatorsFor = (type: Comparable): readonly string[] =>
  [...argOperatorsByName]
    .filter(([, row]) => operatorFits(row, type) && row.only === undefined)
    .map(([name]) => name);
