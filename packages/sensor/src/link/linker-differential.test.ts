// SPDX-License-Identifier: Apache-2.0
import {
  type ArgTest,
  processPropertyNames,
  type TestOf,
  type TypedFilter,
  type WorkloadSelector,
} from "@gander/policy";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  hostFiles,
  hostNamespace,
  hosts,
  linkRules,
  namespaces,
  rule,
  selector,
  types,
} from "../../test/linker-fixture.ts";
import { evaluateTables } from "../../test/reference-evaluator.ts";
import type { Call } from "../reference/call.ts";
import { evaluateSelectors } from "../reference/evaluate-selectors.ts";
import { action, valueType } from "./abi.gen.ts";
import { LinkLimitError } from "./link-limit-error.ts";
import type { LinkedTables } from "./linked-tables.ts";
import type { PlannedSelector } from "./planned-rule.ts";
import { fewestAsking } from "./questions.ts";
import { fewestRanges } from "./rule-index.ts";

describe("linked tables against the policy language", () => {
  it("come to the same verdict for any policies and calls", () => {
    expectSameVerdicts(rulesOf(anySelectors), 2_000);
  });

  it("come to the same verdict for any lists of peers and binaries, through the index", () => {
    expectSameVerdicts(rulesOf(listSelectors), 2_000);
  });

  it("come to the same verdict for any ranges of numbers, through the index", () => {
    const linked = expectSameVerdicts(rulesWithRanges, 2_000);
    const indexed = linked.filter(({ hooks }) => hooks[0]?.index?.range !== undefined);
    expect(indexed.length).toBeGreaterThan(linked.length / 4);
  });
});

describe("questions for many rules", () => {
  it("come to the same verdict for any filters alike", () => {
    const linked = expectSameVerdicts(rulesAlike, 1_500);
    const asked = linked.filter(({ hooks }) => hooks[0]?.firstQuestion);
    expect(asked.length).toBeGreaterThan(linked.length / 4);
  });
});

/** The selectors of each rule. */
type Rules = fc.Arbitrary<readonly (readonly PlannedSelector[])[]>;

const rulesOf = (selectorsOfARule: typeof anySelectors): Rules =>
  fc.array(selectorsOfARule, { minLength: 1, maxLength: 4 });

function expectSameVerdicts(rules: Rules, numRuns: number): LinkedTables[] {
  const linked: LinkedTables[] = [];
  void fc.assert(
    fc.property(rules, fc.array(anyCall, { minLength: 1, maxLength: 12 }), (lists, calls) => {
      const { tables, sets } = linkedOrSkipped(lists);
      linked.push(tables);
      for (const call of calls) {
        const matched = evaluateTables(tables, 1, sets.content, call);
        expect(lists.map((_, id) => matched.get(id))).toEqual(
          lists.map((selectors) => evaluateSelectors(selectors, call, typeOf)),
        );
      }
    }),
    { numRuns },
  );
  return linked;
}

/** Filters that give too many combinations are refused: such rules are none of the `numRuns`. */
function linkedOrSkipped(lists: readonly (readonly PlannedSelector[])[]) {
  try {
    return linkRules(
      lists.map((selectors, id) => rule(selectors, id)),
      { groups: belongings.length, belongs },
    );
  } catch (error) {
    fc.pre(!(error instanceof LinkLimitError));
    throw error;
  }
}

/** Three selectors' workloads, and which of them each group belongs to. */
const someWorkloads = ["a", "b", "c"].map((app) => ({
  ...{ podSelector: { matchLabels: { app }, matchExpressions: [] }, host: false },
}));
const belongings = [
  ["outside", "outside", "outside"],
  ["within", "outside", "unsure"],
  ["within", "within", "outside"],
  ["unsure", "unsure", "within"],
] as const;
const belongs = (group: number, { podSelector }: WorkloadSelector) =>
  belongings[group]?.[["a", "b", "c"].indexOf(podSelector?.matchLabels.app ?? "")] ?? "outside";

const typeOf = (arg: number | "return") =>
  arg === "return" ? valueType.VALUE_S32 : (types[arg] ?? valueType.VALUE_NONE);

// Few distinct values, near the edges of the types, so that matches are common.
const int = (bits: 32 | 64) =>
  fc.constantFrom(
    -2n,
    -1n,
    0n,
    1n,
    2n,
    7n,
    -(1n << BigInt(bits - 1)),
    (1n << BigInt(bits - 1)) - 1n,
  );
const uint = fc.constantFrom(0n, 1n, 2n, 7n, 0x8000_0000n, 0xffff_ffffn);
const path = fc.constantFrom("/", "/etc", "/etc/", "/etc/passwd", "/TMP/x", "passwd", "tmp", "");
const address = fc.constantFrom("0a000001", "0a00ff01", "7f000001", "c0a80001");
const address6 = fc.constantFrom(
  `${"0".repeat(31)}1`,
  `fe80${"0".repeat(28)}`,
  `2001${"0".repeat(27)}5`,
);
const port = fc.constantFrom(0, 1, 80, 443, 1023, 65535);

const values = <T>(of: fc.Arbitrary<T>, maxLength = 6) => fc.array(of, { minLength: 1, maxLength });
const pairs = <T extends bigint | number>(of: fc.Arbitrary<T>) =>
  values(
    fc.tuple(of, of).map(([a, b]): readonly [T, T] => (a <= b ? [a, b] : [b, a])),
    7,
  );

function numberTest(of: fc.Arbitrary<bigint>): fc.Arbitrary<ArgTest> {
  return fc.oneof(
    fc.record({
      op: fc.constantFrom("equal" as const, "greater" as const, "less" as const, "in-set" as const),
      negate: fc.boolean(),
      values: values(of),
    }),
    fc.record({ op: fc.constant("mask" as const), negate: fc.boolean(), values: values(uint) }),
    fc.record({ op: fc.constant("range" as const), negate: fc.boolean(), ranges: pairs(of) }),
  );
}

const network = fc.oneof(
  fc.record({
    family: fc.constant(4 as const),
    address,
    prefixLength: fc.constantFrom(0, 8, 16, 32),
  }),
  fc.record({
    family: fc.constant(6 as const),
    address: address6,
    prefixLength: fc.constantFrom(0, 10, 128),
  }),
);

const socketTest: fc.Arbitrary<ArgTest> = fc.oneof(
  fc.record({
    op: fc.constantFrom("saddr" as const, "daddr" as const),
    negate: fc.boolean(),
    networks: values(network),
  }),
  fc.record({
    op: fc.constantFrom("sport" as const, "dport" as const),
    negate: fc.boolean(),
    ranges: pairs(port),
  }),
  fc.record({
    op: fc.constantFrom("protocol" as const, "family" as const, "state" as const),
    negate: fc.boolean(),
    values: values(fc.constantFrom(1, 2, 6, 10, 17, 132)),
  }),
);

const fileTest: fc.Arbitrary<ArgTest> = fc.oneof(
  fc.record({
    op: fc.constant("file-type" as const),
    negate: fc.boolean(),
    values: values(fc.constantFrom(0o100000, 0o040000)),
  }),
  fc.record({
    op: fc.constant("origin" as const),
    negate: fc.boolean(),
    values: values(fc.integer({ min: 0, max: 7 }), 8),
  }),
);

const part = path.filter((one) => one !== "");
const textTest: fc.Arbitrary<TestOf<"texts">> = fc.oneof(
  fc.record({
    op: fc.constantFrom("str-equal" as const, "str-prefix" as const, "str-postfix" as const),
    negate: fc.boolean(),
    values: values(path),
  }),
  fc.record({
    op: fc.constant("str-contains" as const),
    negate: fc.boolean(),
    values: values(part),
  }),
  fc.record({
    op: fc.constant("str-contains-any-case" as const),
    negate: fc.boolean(),
    values: values(part.map((one) => one.toLowerCase())),
  }),
);

const variable = fc.constantFrom("LD_PRELOAD", "LD_", "A");
const execTest = fc.oneof(
  textTest,
  fc.record({ op: fc.constant("exists" as const), negate: fc.boolean() }),
);

const onArg = (arg: number | "return", test: fc.Arbitrary<ArgTest>) =>
  test.map((one): TypedFilter => ({ on: "arg", arg, test: one }));
const namespaceName = fc.constantFrom("uts" as const, "net" as const, "user" as const);

const marking = fc.record({ error: fc.constantFrom(0, -1, -13), signal: fc.constantFrom(0, 9) });

/** What expressions say of two numbers. */
const pairFilter: fc.Arbitrary<TypedFilter> = fc
  .record({
    arg: fc.constantFrom(0, 1, 2),
    other: fc.constantFrom(0, 1, 2),
    op: fc.constantFrom("difference" as const, "sum" as const),
    negate: fc.boolean(),
    ranges: pairs(
      fc.constantFrom(
        ...[0n, -1n, 1n, 5n, -9n, 1n << 31n, -(1n << 32n), 1n << 63n, -(1n << 63n)],
        ...[(1n << 64n) - 1n, 1n - (1n << 64n), 1n << 64n, 1n << 65n, -(1n << 65n)],
      ),
    ),
  })
  .map(({ arg, ...test }) => ({ on: "arg", arg, test }));

const anyFilter: fc.Arbitrary<TypedFilter> = fc.oneof(
  pairFilter,
  onArg(0, numberTest(int(32))),
  onArg(1, numberTest(uint)),
  onArg(2, numberTest(int(64))),
  onArg(3, textTest),
  onArg(4, socketTest),
  onArg(5, fileTest),
  fc
    .record({
      after: fc.constantFrom(0, 1, 2),
      before: fc.constantFrom(0, 1, 2),
      bits: fc.constantFrom(2n ** 64n - 1n, 1n, 6n, 1n << 63n),
    })
    .map(({ after, before, bits }) => ({
      on: "arg" as const,
      arg: after,
      test: { op: "gained" as const, negate: false as const, before, values: [bits] },
    })),
  fc.record({
    on: fc.constant("pid" as const),
    negate: fc.boolean(),
    inNamespace: fc.boolean(),
    followForks: fc.constant(false),
    pids: values(fc.constantFrom(1, 2, 3, 4, 5, 6)),
  }),
  fc.record({
    on: fc.constant("pid" as const),
    negate: fc.boolean(),
    inNamespace: fc.constant(true),
    followForks: fc.constant(true),
    pids: values(fc.constantFrom(0, 1)),
  }),
  marking.map((one) => ({ on: "marked" as const, ...one })),
  fc.record({
    on: fc.constant("count" as const),
    atLeast: fc.constantFrom(2, 100),
    withinMs: fc.constantFrom(1_000, 3_600_000),
    per: fc.constantFrom("process" as const, "container" as const),
  }),
  fc.record({
    on: fc.constant("workloads" as const),
    workloads: fc.constantFrom(...someWorkloads),
  }),
  fc.record({
    on: fc.constant("binary" as const),
    negate: fc.boolean(),
    match: fc.constantFrom("equal" as const, "prefix" as const, "postfix" as const),
    followChildren: fc.constant(false),
    paths: values(path),
  }),
  fc.record({
    on: fc.constant("binary" as const),
    negate: fc.boolean(),
    match: fc.constant("file" as const),
    followChildren: fc.constant(false),
    paths: values(fc.constantFrom(...hostFiles.keys(), "/bin/none")),
  }),
  fc.record({
    on: fc.constant("namespace" as const),
    negate: fc.boolean(),
    namespace: namespaceName,
    ids: values(fc.constantFrom("host" as const, 1, 2, 3, 4, 5)),
  }),
  fc.record({
    on: fc.constant("capability" as const),
    negate: fc.boolean(),
    set: fc.constantFrom("effective" as const, "inheritable" as const, "permitted" as const),
    inUserNamespace: fc.constant(false),
    capabilities: values(fc.constantFrom(0, 21, 40)),
  }),
  fc.record({
    on: fc.constant("parent-binary" as const),
    negate: fc.boolean(),
    match: fc.constantFrom("equal" as const, "prefix" as const, "postfix" as const),
    followChildren: fc.constant(false),
    paths: values(path),
  }),
  fc.record({
    on: fc.constant("ancestor-binary" as const),
    negate: fc.boolean(),
    match: fc.constantFrom("equal" as const, "prefix" as const, "postfix" as const),
    paths: values(path),
  }),
  fc.record({
    on: fc.constant("process" as const),
    negate: fc.boolean(),
    property: fc.constantFrom(...processPropertyNames),
    ranges: fc.constantFrom<[number, number][][]>(
      [[0, 0]],
      [[1, 2]],
      [[3, 0xffffffff]],
      [
        [0, 0],
        [2, 2],
        [4, 5],
      ],
    ),
  }),
  fc.record({
    on: fc.constant("exec-argument" as const),
    index: fc.constantFrom(0, 1, 5),
    test: textTest,
  }),
  textTest.map((test): TypedFilter => ({ on: "exec-argument", test })),
  fc.record({
    on: fc.constant("exec-variable" as const),
    names: values(variable, 2),
    test: execTest,
  }),
  fc.record({
    on: fc.constant("namespace-change" as const),
    namespaces: values(namespaceName),
  }),
  fc.record({
    on: fc.constant("capability-change" as const),
    negate: fc.boolean(),
    set: fc.constantFrom("effective" as const, "inheritable" as const, "permitted" as const),
    inUserNamespace: fc.constant(false),
    capabilities: values(fc.constantFrom(0, 21, 40)),
  }),
);

/** What an expression becomes. */
const alternatives: fc.Arbitrary<TypedFilter> = fc
  .array(
    fc.array(
      fc.oneof(
        fc.tuple(fc.constant(0), numberTest(int(32))),
        fc.tuple(fc.constant(1), numberTest(uint)),
        fc.tuple(fc.constant(3), textTest),
      ),
      { minLength: 1, maxLength: 2 },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((lists) => ({
    on: "any" as const,
    of: lists.map((list) => list.map(([arg, test]) => ({ on: "arg" as const, arg, test }))),
  }));

const anyActions = fc.constantFrom(
  0,
  action.ACTION_POST,
  action.ACTION_POST | action.ACTION_KILL,
  action.ACTION_DENY,
);
const anySelectors = fc
  .array(
    fc.tuple(
      fc.array(
        fc.oneof({ weight: 4, arbitrary: anyFilter }, { weight: 1, arbitrary: alternatives }),
        {
          maxLength: 3,
        },
      ),
      fc.array(onArg("return", numberTest(int(32))), { maxLength: 2 }),
      anyActions,
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((list) =>
    list.map(([filters, returnFilters, actions], index) =>
      selector(filters, returnFilters, index, actions),
    ),
  );

const peerTest: fc.Arbitrary<ArgTest> = fc.record({
  op: fc.constant("daddr" as const),
  negate: fc.boolean(),
  networks: values(network),
});
const binaryTest: fc.Arbitrary<TypedFilter> = fc.oneof(
  fc.record({
    on: fc.constant("binary" as const),
    negate: fc.boolean(),
    match: fc.constantFrom("equal" as const, "prefix" as const, "postfix" as const),
    followChildren: fc.constant(false),
    paths: values(path),
  }),
  fc.record({
    on: fc.constant("binary" as const),
    negate: fc.boolean(),
    match: fc.constant("file" as const),
    followChildren: fc.constant(false),
    paths: values(fc.constantFrom(...hostFiles.keys(), "/bin/none")),
  }),
);
const listSelectors = fc
  .array(
    fc.tuple(
      fc.array(fc.oneof(onArg(4, peerTest), binaryTest), { minLength: 1, maxLength: 3 }),
      fc.array(onArg(4, socketTest), { maxLength: 1 }),
      anyActions,
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) =>
    list.map(([lists, others, actions], i) => selector([...lists, ...others], [], i, actions)),
  );

const rangeTests: readonly fc.Arbitrary<TypedFilter>[] = [
  onArg(0, numberTest(int(32))),
  onArg(1, numberTest(uint)),
  onArg(2, numberTest(int(64))),
  ...(["sport", "dport"] as const).map((op) =>
    onArg(4, fc.record({ op: fc.constant(op), negate: fc.boolean(), ranges: pairs(port) })),
  ),
  ...[false, true].map((inNamespace) =>
    fc.record({
      on: fc.constant("pid" as const),
      negate: fc.boolean(),
      inNamespace: fc.constant(inNamespace),
      followForks: fc.constant(false),
      pids: values(fc.constantFrom(1, 2, 3, 4, 5, 6)),
    }),
  ),
  fc.record({
    on: fc.constant("namespace" as const),
    negate: fc.boolean(),
    namespace: fc.constantFrom("uts" as const, "net" as const),
    ids: values(fc.constantFrom("host" as const, 1, 2, 3)),
  }),
  fc.record({
    on: fc.constant("process" as const),
    negate: fc.boolean(),
    property: fc.constantFrom(...processPropertyNames),
    ranges: fc.constantFrom<[number, number][][]>(
      [[0, 0]],
      [[1, 2]],
      [[3, 0xffffffff]],
      [
        [0, 0],
        [4, 5],
      ],
    ),
  }),
];
/** Nearly all of one number, so that there are enough for the index. */
const rulesWithRanges: Rules = fc.constantFrom(...rangeTests).chain((test) => {
  const selectors = fc.array(
    fc.tuple(
      fc.oneof(
        { weight: 12, arbitrary: test.map((one) => [one]) },
        { weight: 1, arbitrary: fc.constant([]) },
      ),
      fc.array(anyFilter, { maxLength: 1 }),
      anyActions,
    ),
    { minLength: 1, maxLength: 3 },
  );
  return fc.array(
    selectors.map((list) =>
      list.map(([tests, others, actions], i) => selector([...tests, ...others], [], i, actions)),
    ),
    { minLength: fewestRanges, maxLength: 7 },
  );
});

/** Each of one kind, which no index has. Those that are negated have something in common, so that they can be asked. */
function askedTests(isNegated: boolean): readonly fc.Arbitrary<TypedFilter>[] {
  const negate = fc.constant(isNegated);
  const some = <T>(of: fc.Arbitrary<T>, common: T) =>
    values(of, 2).map((list) => (isNegated ? [...new Set([common, ...list])] : list));
  const onText = (op: TestOf<"texts">["op"], texts: fc.Arbitrary<string[]> = some(path, "/etc")) =>
    onArg(3, fc.record({ op: fc.constant(op), negate, values: texts }));
  const mask = fc.record({ op: fc.constant("mask"), negate, values: some(uint, 7n) });
  const paths = some(path, "/etc");
  const ofPath = { match: fc.constantFrom("equal", "prefix", "postfix"), negate, paths };
  const hostPaths = some(fc.constantFrom(...hostFiles.keys(), "/bin/none"), "/bin/a");
  const unindexed: readonly fc.Arbitrary<TypedFilter>[] = isNegated
    ? [
        onArg(0, fc.record({ op: fc.constant("equal"), negate, values: some(int(32), 7n) })),
        ...(["str-equal", "str-prefix", "str-postfix"] as const).map((op) => onText(op)),
      ]
    : [];
  return [
    ...unindexed,
    ...[0, 1, 2].map((at) => onArg(at, mask)),
    onText("str-contains", some(part, "etc")),
    onText("str-contains-any-case", some(fc.constantFrom("/etc", "tmp", "x", "s"), "s")),
    onArg(
      4,
      fc.record({ op: fc.constant("saddr"), negate, networks: some(network, commonNetwork) }),
    ),
    ...(["protocol", "family", "state"] as const).map((op) =>
      onArg(
        4,
        fc.record({
          ...{ op: fc.constant(op), negate },
          values: some(fc.constantFrom(1, 2, 6, 10, 17, 132), op === "protocol" ? 6 : 2),
        }),
      ),
    ),
    onArg(
      5,
      fc.record({
        ...{ op: fc.constant("origin"), negate },
        values: some(fc.integer({ min: 0, max: 7 }), 3),
      }),
    ),
    fc.record({
      ...{ on: fc.constant("capability"), negate, set: fc.constant("effective") },
      inUserNamespace: fc.constant(false),
      capabilities: some(fc.constantFrom(0, 21, 40), 21),
    }),
    fc.record({
      ...{ on: fc.constant("parent-binary"), followChildren: fc.constant(false) },
      ...ofPath,
    }),
    fc.record({ on: fc.constant("ancestor-binary"), ...ofPath }),
    fc.record({
      ...{ on: fc.constant("binary"), negate, match: fc.constant("file") },
      ...{ followChildren: fc.constant(false), paths: hostPaths },
    }),
  ] as fc.Arbitrary<TypedFilter>[];
}
const commonNetwork = { family: 4, address: "0a000001", prefixLength: 8 } as const;
/** Nearly all of one kind; some have another, too, which may come first. */
const rulesAlike: Rules = fc.constantFrom(...[false, true].flatMap(askedTests)).chain((test) => {
  const selectors = fc.array(
    fc.tuple(
      fc.oneof(
        { weight: 12, arbitrary: test.map((one) => [one]) },
        { weight: 1, arbitrary: fc.constant([]) },
      ),
      fc.array(anyFilter, { maxLength: 1 }),
      anyActions,
    ),
    { minLength: 1, maxLength: 2 },
  );
  return fc.array(
    selectors.map((list) =>
      list.map(([tests, others, actions], i) => selector([...others, ...tests], [], i, actions)),
    ),
    { minLength: fewestAsking, maxLength: fewestAsking + 2 },
  );
});

const anySocket = fc.oneof(
  fc.record({
    saddr: address,
    daddr: address,
    addressFamily: fc.constant(4 as const),
    family: fc.constant(2),
  }),
  fc.record({
    saddr: address6,
    daddr: address6,
    addressFamily: fc.constant(6 as const),
    family: fc.constant(10),
  }),
);

const anyCall: fc.Arbitrary<Call> = fc
  .record({
    number: int(32),
    unsigned: uint,
    long: int(64),
    path,
    ends: anySocket,
    fileType: fc.constantFrom(0o100000, 0o040000, 0o120000),
    origin: fc.integer({ min: 0, max: 7 }),
    sport: port,
    dport: port,
    protocol: fc.constantFrom(6, 17),
    state: fc.constantFrom(1, 2),
    returned: int(32),
    pid: fc.integer({ min: 1, max: 7 }),
    nsPid: fc.integer({ min: 1, max: 7 }),
    mark: fc.option(marking, { nil: undefined }),
    isReached: fc.boolean(),
    group: fc.nat({ max: belongings.length - 1 }),
    ancestors: fc.record({ zero: fc.boolean(), first: fc.boolean() }),
    binary: path,
    file: fc.record({
      inode: fc.constantFrom(7n, 8n, 9n),
      device: fc.constantFrom(1, 2),
      generation: fc.constantFrom(5, 6),
    }),
    namespace: fc.constantFrom(1n, 2n, hostNamespace()),
    capabilities: fc.constantFrom(0n, 1n, 1n << 21n, 1n << 40n),
    property: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
    execArgs: values(path, 3),
    execEnv: fc.array(
      fc.tuple(variable, path).map(([name, value]) => `${name}=${value}`),
      { maxLength: 3 },
    ),
    parent: path,
    ancestorBinaries: fc.array(path, { maxLength: 3 }),
    namespaceBefore: fc.constantFrom(1n, 2n),
    capabilitiesBefore: fc.constantFrom(0n, 1n, 1n << 21n),
    facts: fc.option(
      fc.record(
        {
          text: fc.constantFrom("absent" as const, "unknown" as const, "forgeable" as const),
          origin: fc.constantFrom("absent" as const, "unknown" as const),
          peer: fc.constantFrom("absent" as const, "unknown" as const),
          binary: fc.constantFrom("absent" as const, "unknown" as const, "forgeable" as const),
          file: fc.constantFrom("absent" as const, "unknown" as const),
          namespaces: fc.constant("unknown" as const),
          ancestors: fc.constant("unknown" as const),
          parent: fc.constantFrom("unknown" as const, "forgeable" as const),
          before: fc.constant("unknown" as const),
          exec: fc.constant("unknown" as const),
        },
        { requiredKeys: [] },
      ),
      { nil: {} },
    ),
  })
  .map(
    (one): Call => ({
      facts: one.facts,
      args: [
        one.number,
        one.unsigned,
        one.long,
        one.path,
        {
          ...one.ends,
          sport: one.sport,
          dport: one.dport,
          protocol: one.protocol,
          state: one.state,
        },
        { fileType: one.fileType, origin: one.origin },
      ],
      returned: one.returned,
      pid: one.pid,
      nsPid: one.nsPid,
      mark: one.mark,
      isReached: one.isReached,
      group: one.group,
      belongs: (workloads) => belongs(one.group, workloads),
      ancestors: one.ancestors,
      binary: one.binary,
      file: one.file,
      hostFiles,
      namespaces: { ...namespaces, uts: one.namespace, net: one.namespace },
      hostNamespaces: hosts,
      capabilities: { effective: one.capabilities, inheritable: 0n, permitted: one.capabilities },
      properties: Object.fromEntries(
        processPropertyNames.flatMap((name, i) =>
          one.property === undefined ? [] : [[name, (one.property + i) % 7]],
        ),
      ),
      exec: { args: one.execArgs, env: one.execEnv },
      parent: one.parent,
      ancestorBinaries: one.ancestorBinaries,
      before: {
        namespaces: { ...namespaces, uts: one.namespaceBefore, net: one.namespaceBefore },
        capabilities: { effective: one.capabilitiesBefore, inheritable: 0n, permitted: 1n },
      },
    }),
  );
