// SPDX-License-Identifier: Apache-2.0
import type { TypedFilter, ValueRoute } from "@gander/policy";
import { describe, expect, it } from "vitest";
import {
  hostNamespace,
  linkRules,
  plainCall,
  plainSocket,
  rule,
  selector,
  slot,
  types,
} from "../../test/linker-fixture.ts";
import { evaluateTables } from "../../test/reference-evaluator.ts";
import {
  action,
  applicationFlags,
  hookTableFlags,
  limits,
  procFlags,
  rowFlags,
  rowOp,
  ruleFlags,
  valueType,
} from "./abi.gen.ts";
import { bitSetOf, numbersIn } from "./bit-set.ts";
import { createFollowBits } from "./follow-bits.ts";
import { LinkLimitError } from "./link-limit-error.ts";
import { link } from "./linker.ts";
import { ordered } from "./range-tests.ts";
import { createSetInterner } from "./set-interner.ts";

describe("link", () => {
  it("puts the rules of one hook next to each other, in the order of the policies", () => {
    const all = [selector([])];
    const { tables } = linkRules([rule(all, 7, 2), rule(all, 8, 1), rule(all, 9, 2)]);
    expect(tables.rules.map(({ id }) => id)).toEqual([8, 7, 9]);
    expect(tables.applications.slice(1)).toEqual([
      { hook: 1, firstRule: 0, bits: [0], flags: 0, execTests: [] },
      { hook: 2, firstRule: 1, bits: [0, 1], flags: 0, execTests: [] },
    ]);
  });

  describe("filters on arguments of new programs", () => {
    const argument = (
      value: string,
      { negate = false, index = undefined as number | undefined } = {},
    ) =>
      ({
        on: "exec-argument",
        test: { op: "str-equal", values: [value], negate },
        ...(index === undefined ? {} : { index }),
      }) as TypedFilter;

    it("are one test where they ask the same, in whatever policy", () => {
      const { tables } = linkRules([
        rule([selector([argument("-e")]), selector([argument("-c", { index: 1 })])], 7, 1),
        rule([selector([argument("-c", { index: 1, negate: true })])], 8, 1),
        rule([selector([argument("-c")])], 9, 1),
      ]);
      const [hook] = tables.hooks;
      const tests = tables.rows.slice(hook?.execRows);
      expect(tests.map((row) => row?.slot)).toEqual([limits.NO_SLOT, 1, limits.NO_SLOT]);
      const ofRules = tables.rows.slice(1, hook?.execRows);
      expect(ofRules.map((row) => row?.test)).toEqual([0, 1, 1, 2]);
      for (const row of ofRules) expect(row?.set).toBe(tests[row?.test ?? -1]?.set);
      expect(tables.applications[1]?.execTests).toEqual([0, 1, 1, 2]);
    });

    it("are counted by hook, and too many are refused", () => {
      const most = limits.EXEC_GROUPS * limits.EXEC_GROUP_TESTS;
      const rules = (count: number) =>
        Array.from({ length: count }, (_, i) => rule([selector([argument(`-${i}`)])], i + 1, 1));
      const other = rule([selector([argument("-0")])], 9999, 2);
      const { tables } = linkRules([...rules(most), other]);
      expect(tables.applications[2]?.execTests).toEqual([0]);
      expect(() => linkRules(rules(most + 1))).toThrow(LinkLimitError);
    });
  });

  it("gives groups with the same rules the same application and others their own", () => {
    const policies = [1, 2].map((id) => ({
      rules: [rule([selector([])], id)],
      ...{ id, budget: 0 },
      mode: "enforce" as const,
    }));
    const tables = link({
      policies,
      groups: [[0, 1], [1], [0, 1], []],
      sets: createSetInterner(),
      follow: createFollowBits(),
      fileIdentity: () => undefined,
      hostNamespace,
    });
    expect(tables.groups.map((group) => group.get(1))).toEqual([1, 2, 1, undefined]);
  });

  it("reads an argument once however many policies look at it", () => {
    const { tables } = linkRules([rule([selector([])], 1), rule([selector([])], 2)]);
    expect(tables.hooks[0]?.slots).toHaveLength(types.length + 1);
    expect(tables.rules[1]?.args).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("marks the rules of a policy in monitor mode", () => {
    expect(linkRules([rule([selector([])])], { mode: "monitor" }).tables.rules[0]?.flags).toBe(
      ruleFlags.RULE_MONITOR,
    );
  });

  it("says of an application that all of its rules are for connections only", () => {
    const { RULE_STREAM_SOCKETS, RULE_FAST_OPEN } = ruleFlags;
    const { APPLICATION_CONNECTIONS, APPLICATION_FAST_OPEN } = applicationFlags;
    const flagsOf = (...ruleSets: readonly number[]) =>
      linkRules(ruleSets.map((flags, i) => rule([selector([])], i + 1, 1, { flags }))).tables
        .applications[1]?.flags;
    const companion = RULE_STREAM_SOCKETS | RULE_FAST_OPEN;
    expect(flagsOf(RULE_STREAM_SOCKETS, RULE_STREAM_SOCKETS)).toBe(APPLICATION_CONNECTIONS);
    expect(flagsOf(companion, companion)).toBe(APPLICATION_CONNECTIONS | APPLICATION_FAST_OPEN);
    expect(flagsOf(companion, RULE_STREAM_SOCKETS)).toBe(APPLICATION_CONNECTIONS);
    expect(flagsOf(companion, 0)).toBe(0);
  });

  it("says of an application that all of its rules are for core dumps only", () => {
    const { RULE_CORE_DUMPS } = ruleFlags;
    const flagsOf = (...ruleSets: readonly number[]) =>
      linkRules(ruleSets.map((flags, i) => rule([selector([])], i + 1, 1, { flags }))).tables
        .applications[1]?.flags;
    expect(flagsOf(RULE_CORE_DUMPS, RULE_CORE_DUMPS)).toBe(applicationFlags.APPLICATION_CORE_DUMPS);
    expect(flagsOf(RULE_CORE_DUMPS, 0)).toBe(0);
  });

  it("lets enforcers take only the marks of their policy", () => {
    const marked = selector([{ on: "marked", error: -13, signal: 9 }]);
    const { rows, verdicts } = linkRules([rule([marked], 1), rule([marked], 2)], {
      firstId: 7,
    }).tables;
    expect(rows.slice(1).map((row) => row?.values)).toEqual([[0x7_0000_0d09n], [0x8_0000_0d09n]]);
    expect(verdicts.slice(1).map((one) => one?.mark)).toEqual([0x7_0000_0000n, 0x8_0000_0000n]);
  });

  it("follows descent in a namespace without a bit", () => {
    const ofTree = (...pids: number[]) =>
      linkRules([
        rule([selector([{ on: "pid", negate: true, inNamespace: true, followForks: true, pids }])]),
      ]).tables;
    const { PROC_OF_HOST, PROC_IN_INIT_TREE } = procFlags;
    expect(ofTree(0, 1).rows[1]).toMatchObject({
      op: rowOp.ROW_FOLLOW,
      values: [0n, BigInt(PROC_OF_HOST | PROC_IN_INIT_TREE)],
    });
    expect(ofTree(1).rows[1]?.values).toEqual([0n, BigInt(PROC_IN_INIT_TREE)]);
    expect(ofTree(0, 1).followed.size).toBe(0);
  });

  it("takes a mark back only for what is known", () => {
    const filter: TypedFilter = {
      ...{ on: "arg", arg: 3 },
      test: { op: "str-prefix", negate: false, values: ["/usr/"] },
    };
    const holdsUnknown = (actions: number) =>
      linkRules([rule([selector([filter], [], 0, actions)])]).tables.rows.some(
        (row) => row !== undefined && row.flags & rowFlags.ROW_UNKNOWN_HOLDS,
      );
    expect(holdsUnknown(action.ACTION_POST)).toBe(true);
    expect(holdsUnknown(action.ACTION_POST | action.ACTION_UNMARK_CALL)).toBe(false);
  });

  it("asks for owners of sockets while a verdict tells them", () => {
    const rememberedFor = (actions: number) =>
      linkRules([rule([selector([]), selector([], [], 1, actions)])]).tables.remembered;
    expect(rememberedFor(action.ACTION_TRACK_SOCK)).toEqual(new Set(["owners"]));
    expect(rememberedFor(action.ACTION_UNTRACK_SOCK)).toEqual(new Set());
  });

  it("lets what is found of an open file be remembered", () => {
    const { HOOK_CACHE_PATHS } = hookTableFlags;
    const indexed = selector([
      { on: "arg", arg: 0, test: { op: "str-prefix", negate: false, values: ["/etc/"] } },
    ]);
    const flagsOf = (filters: typeof indexed, raw: number, seesOpenFile: boolean) => {
      const args = [{ slot: slot(valueType.VALUE_FILE, raw), signed: false }];
      const target = seesOpenFile ? "file_permission" : "file_open";
      const point = { kind: "lsm", target, syscall: false } as const;
      return linkRules([rule([filters], 1, 1, { args, point })]).tables.hooks[0]?.flags;
    };
    expect(flagsOf(indexed, 0, true)).toBe(HOOK_CACHE_PATHS);
    expect(flagsOf(indexed, 0, false)).toBe(0);
    expect(flagsOf(indexed, 1, true)).toBe(0);
    expect(flagsOf(selector([]), 0, true)).toBe(0);
  });

  it("shares routes between hooks, and looks up no number or open file at the end of one", () => {
    const route: ValueRoute = {
      ...{ source: "argument", dereferences: [8], offset: 16, size: 4 },
      ...{ signed: false, bits: 32, shift: 0, room: 0 },
    };
    const at = (type: number, one: ValueRoute) => ({
      slot: { ...slot(type, 0), route: one },
      signed: false,
    });
    const number = at(valueType.VALUE_U32, route);
    const args = [
      ...[number, { slot: slot(valueType.VALUE_U32, 0), signed: false }],
      ...[at(valueType.VALUE_FILE, { ...route, size: 0 }), at(valueType.VALUE_U32, { ...route })],
    ];
    const equal: TypedFilter = {
      ...{ on: "arg", arg: 0 },
      test: { op: "equal", negate: false, values: [2n] },
    };
    const prefix: TypedFilter = {
      ...{ on: "arg", arg: 2 },
      test: { op: "str-prefix", negate: false, values: ["/etc/"] },
    };
    const point = { kind: "lsm", target: "file_permission", syscall: false } as const;
    const filters = [selector([equal, prefix])];
    const { tables } = linkRules([
      rule(filters, 1, 1, { args, point }),
      rule(filters, 2, 2, { args: [number], point, selectors: [selector([equal])] }),
    ]);
    expect(tables.routes).toEqual([undefined, route, { ...route, size: 0 }]);
    expect(tables.hooks.map(({ routes }) => routes)).toEqual([
      [1, 0, 2, 0],
      [1, 0],
    ]);
    expect(tables.rules[0]?.args).toEqual([0, 1, 2, 0]);
    expect(tables.hooks[0]?.index?.numberSlot).toBe(limits.NO_SLOT);
    expect(tables.hooks[0]?.index?.textSlot).toBe(2);
    expect(tables.hooks[0]?.flags).toBe(0);
  });

  it("puts the assignments of a verdict beside each other", () => {
    const step = (value: bigint) => ({
      ...{ kind: 0, value, from: 0, fromSize: 8, to: 80, size: 8, toSize: 8 },
    });
    const changing = (...assignments: ReturnType<typeof step>[]) => ({
      ...selector([]),
      verdict: { ...selector([]).verdict, assignments },
    });
    const twice = changing(step(1n), step(2n));
    const selectors = [twice, selector([]), changing(step(1n)), twice];
    const { tables } = linkRules([rule(selectors, 1)]);
    expect(tables.assignments).toEqual([undefined, step(1n), step(2n), step(1n)]);
    expect(tables.verdicts.slice(1).map((one) => one?.firstAssignment)).toEqual([1, 0, 3, 1]);
    const many = Array.from({ length: limits.MAX_ASSIGNMENTS }, (_, i) =>
      changing(step(BigInt(i))),
    );
    expect(() => linkRules([rule(many, 1)])).toThrow(/513 changes of registers, and 512 fit/);
  });

  it("says so when there are too many ways to values", () => {
    const rules = Array.from({ length: limits.MAX_ROUTES }, (_, offset) => {
      const route: ValueRoute = {
        ...{ source: "argument", dereferences: [], offset, size: 4 },
        ...{ signed: false, bits: 32, shift: 0, room: 0 },
      };
      const args = [{ slot: { ...slot(valueType.VALUE_U32, 0), route }, signed: false }];
      return rule([selector([])], offset, offset, { args });
    });
    expect(() => linkRules(rules)).toThrow(/257 paths to values, and 256 fit/);
  });

  it("is deterministic", () => {
    const rules = [
      rule([selector([text("str-prefix", ["/b", "/a"])])], 1),
      rule([selector([text("str-prefix", ["/a", "/b"])])], 2),
    ];
    const first = linkRules(rules).tables;
    expect(linkRules(rules).tables).toEqual(first);
    expect(first.sets.size).toBe(1);
  });

  it("says so when a hook is read in too many ways", () => {
    const rules = Array.from({ length: limits.HOOK_SLOTS + 1 }, (_, raw) => {
      const args = [{ slot: slot(valueType.VALUE_U64, raw), signed: false }];
      return rule([selector([])], raw, 1, { args });
    });
    expect(() => linkRules(rules)).toThrow(LinkLimitError);
  });

  it("says so when a hook has too many rules", () => {
    const rules = Array.from({ length: limits.HOOK_RULES + 1 }, (_, id) =>
      rule([selector([])], id),
    );
    expect(() => linkRules(rules)).toThrow(/more than 1024 hook entries/);
  });

  it("indexes the number and the text that rule out the most", () => {
    const number = (value: bigint): TypedFilter => ({
      on: "arg",
      arg: 0,
      test: { op: "equal", negate: false, values: [value] },
    });
    const rules = [
      rule([selector([number(2n), text("str-prefix", ["/etc"])])], 1),
      rule([selector([number(4n), text("str-prefix", ["/etc/ssl", "/tmp"])])], 2),
      rule([selector([])], 3),
    ];
    const { tables } = linkRules(rules);
    const index = tables.hooks[0]?.index;
    const bits = (id: number | undefined) => numbersIn(tables.bitSets[id ?? 0] ?? 0n);
    expect([index?.numberSlot, index?.textSlot, index?.textRules]).toEqual([0, 3, [0, 1]]);
    expect([
      bits(index?.numbers.get(2n)),
      bits(index?.numbers.get(4n)),
      bits(index?.numberDefault),
    ]).toEqual([[0, 2], [1, 2], [2]]);
    expect(["/etc", "/etc/ssl", "/tmp"].map((prefix) => bits(index?.prefixes.get(prefix)))).toEqual(
      [
        [0, 2],
        [0, 1, 2],
        [1, 2],
      ],
    );
    expect(bits(index?.textDefault)).toEqual([2]);
  });

  it("indexes peers: who may go where, whatever the number of allow lists", () => {
    const network = (address: string, prefixLength: number) =>
      ({ family: 4, address, prefixLength }) as const;
    const loopback = network("7f000001", 32);
    const [ten, cluster] = [network("0a000000", 8), network("0a2a0000", 16)];
    const peer = (negate: boolean, ...networks: ReturnType<typeof network>[]) =>
      selector([{ on: "arg", arg: 4, test: { op: "daddr", negate, networks } }]);
    const rules = [
      rule([peer(true, loopback, ten)], 1),
      rule([peer(true, loopback, cluster)], 2),
      rule([peer(false, cluster)], 3),
      rule([peer(true, loopback), peer(false, loopback)], 4),
      rule([peer(true, loopback), selector([])], 5),
    ];
    const { tables } = linkRules(rules);
    const index = tables.hooks[0]?.index;
    const left = [...(index?.networks ?? [])].map(([{ address }, id]) => [
      address,
      numbersIn(tables.bitSets[id] ?? 0n),
    ]);
    expect(index?.addressSlot).toBe(4);
    expect(Object.fromEntries(left)).toEqual({
      "7f000001": [3, 4],
      "0a000000": [1, 3, 4],
      "0a2a0000": [2, 3, 4],
    });
    expect(numbersIn(tables.bitSets[index?.addressDefault ?? 0] ?? 0n)).toEqual([0, 1, 3, 4]);
  });

  it("indexes binaries, but none where children count", () => {
    const runs = (
      match: "equal" | "prefix" | "postfix",
      followChildren = false,
      path = "/usr/bin/a",
    ) => selector([{ on: "binary", negate: false, match, followChildren, paths: [path] }]);
    const indexOf = (...selectors: ReturnType<typeof selector>[]) =>
      linkRules([rule(selectors)]).tables.hooks[0]?.index?.binaries;
    expect([...(indexOf(runs("equal")) ?? [])].map(([path]) => path)).toEqual(["/usr/bin/a\0"]);
    expect([...(indexOf(runs("prefix")) ?? [])].map(([path]) => path)).toEqual(["/usr/bin/a"]);
    const long = (bytes: number) => runs("equal", false, `/${"a".repeat(bytes - 1)}`);
    expect(indexOf(long(limits.PREFIX_SIZE - 1))?.size).toBe(1);
    expect(indexOf(long(limits.PREFIX_SIZE))).toBeUndefined();
    for (const one of [runs("postfix"), runs("equal", true), selector([])])
      expect(indexOf(runs("equal"), one)).toBeUndefined();
    const ends = linkRules([rule([runs("postfix", false, "/a")])]).tables.hooks[0]?.index;
    expect([...(ends?.binaryEndings.keys() ?? [])]).toEqual(["/a"]);
  });

  it("indexes the bounds of a number that four or more rules compare", () => {
    const compares = (op: "greater" | "less", negate: boolean, value: bigint) =>
      selector([{ on: "arg", arg: 0, test: { op, negate, values: [value] } }]);
    const between = (low: bigint, high: bigint) =>
      selector([
        { on: "arg", arg: 0, test: { op: "range", negate: false, ranges: [[low, high]] } },
      ]);
    const selectors = [
      compares("greater", false, 5n),
      compares("less", true, -1n),
      between(-3n, 5n),
      between(7n, 7n),
    ];
    const indexOf = (count: number) => {
      const rules = selectors.slice(0, count).map((one, id) => rule([one], id));
      const { hooks, bitSets } = linkRules([...rules, rule([selector([])], 9)]).tables;
      const range = hooks[0]?.index?.range;
      const bounds = range?.bounds.map(({ from, bitSet }) => [
        BigInt.asIntN(64, ordered(from, true)),
        numbersIn(bitSets[bitSet] ?? 0n),
      ]);
      return range && { ...range, bounds };
    };
    expect(indexOf(3)).toBeUndefined();
    expect(indexOf(4)).toEqual({
      ...{ of: rowOp.ROW_RANGE, slot: 0, signed: true },
      bounds: [
        [-(2n ** 63n), [4]],
        [-3n, [2, 4]],
        [-1n, [1, 2, 4]],
        [6n, [0, 1, 4]],
        [7n, [0, 1, 3, 4]],
        [8n, [0, 1, 4]],
      ],
    });
  });

  it("indexes beginnings and ends of one text", () => {
    const text = (op: "str-prefix" | "str-postfix", ...values: string[]) =>
      selector([{ on: "arg", arg: 3, test: { op, negate: false, values } }]);
    const rules = [
      rule([text("str-prefix", "/etc/")], 1),
      rule([text("str-postfix", ".key", "_key")], 2),
      rule([text("str-postfix", "y")], 3),
      rule([text("str-postfix", ".key"), text("str-prefix", "/etc/")], 4),
    ];
    const { hooks, bitSets } = linkRules(rules).tables;
    const index = hooks[0]?.index ?? fail();
    const bits = (id = 0) => numbersIn(bitSets[id] ?? 0n);
    expect([index.textSlot, index.textRules, bits(index.textDefault)]).toEqual([
      3,
      [0, 1, 2],
      [1, 2, 3],
    ]);
    expect([...index.endings].map(([ending, id]) => [ending, bits(id)])).toEqual([
      [".key", [0, 1, 2, 3]],
      ["_key", [0, 1, 2, 3]],
      ["y", [0, 2, 3]],
    ]);
    expect(bits(index.endingDefault)).toEqual([0, 3]);
  });

  it("indexes as many lists as leave bit sets for other hooks", () => {
    const rules = Array.from({ length: limits.HOOK_RULES }, (_, i) => {
      const address = (0x0a000000 + i).toString(16).padStart(8, "0");
      const networks = [{ family: 4, address, prefixLength: 32 }] as const;
      const filters: TypedFilter[] = [
        { on: "arg", arg: 4, test: { op: "daddr", negate: true, networks } },
        { on: "arg", arg: 0, test: { op: "equal", negate: false, values: [BigInt(i % 3)] } },
      ];
      return rule([selector(filters)], i);
    });
    const { hooks, bitSets } = linkRules(rules).tables;
    const { numbers, networks, addressDefault } = hooks[0]?.index ?? fail();
    const half = limits.HOOK_RULES / 2;
    expect([numbers.size, networks.size]).toEqual([3, half]);
    const all = bitSetOf(rules.keys());
    expect(bitSets[addressDefault]).toBe(all);
    expect([...networks.values()].map((id) => bitSets[id])).toEqual(
      Array.from({ length: half }, (_, bit) => all ^ (1n << BigInt(bit))),
    );
  });

  it("indexes as many rules as it has room for", () => {
    const rules = Array.from({ length: limits.HOOK_RULES }, (_, i) => {
      const values = Array.from({ length: 5 }, (_, k) => BigInt(5 * i + k));
      const test = { op: "equal", negate: false, values } as const;
      return rule([selector([{ on: "arg", arg: 0, test }])], i);
    });
    const { hooks, bitSets } = linkRules(rules).tables;
    const { numbers, numberDefault } = hooks[0]?.index ?? fail();
    const others = (bitSetOf(rules.keys()) >> 512n) << 512n;
    expect([numbers.size, bitSets[numberDefault]]).toEqual([5 * 512, others]);
    expect(bitSets[numbers.get(35n) ?? 0]).toBe(others | (1n << 7n));
  });

  it("has one bit set for each content, whatever the value and the hook", () => {
    const rules = [1, 2, 3].flatMap((hook) =>
      Array.from({ length: limits.HOOK_RULES }, (_, i) => {
        const number = { op: "equal", negate: false, values: [BigInt(i)] } as const;
        const text = { op: "str-prefix", negate: false, values: [`/${i}/`] } as const;
        const filters = [
          { on: "arg", arg: 0, test: number },
          { on: "arg", arg: 3, test: text },
        ] as const;
        return rule([selector(filters)], i, hook);
      }),
    );
    const { hooks, bitSets } = linkRules(rules).tables;
    expect(bitSets.length).toBe(limits.HOOK_RULES + 2);
    for (const { index } of hooks)
      expect([index?.numbers.size, index?.prefixes.size]).toEqual([
        limits.HOOK_RULES,
        limits.HOOK_RULES,
      ]);
  });

  it("leaves a rule out where none of its selectors is for the workloads", () => {
    const [a, b, c] = [ofPods({ app: "a" }), ofPods({ app: "b" }), ofPods({ app: "c" })] as const;
    // Group 0 belongs to none, 1 to a, 2 may belong to b, 3 to c.
    const belonging = [undefined, a, b, c];
    const { tables } = linkRules(
      [
        rule([selector([a]), selector([b], [], 1)], 1),
        rule([selector([c])], 2),
        rule([selector([c]), selector([], [], 1)], 3),
      ],
      {
        groups: 4,
        belongs: (group, workloads) => {
          const isIt = belonging[group]?.workloads === workloads;
          return !isIt ? "outside" : group === 2 ? "unsure" : "within";
        },
      },
    );
    const rulesOf = (group: number) => tables.applications[tables.groups[group]?.get(1) ?? 0]?.bits;
    expect([0, 1, 2, 3].map(rulesOf)).toEqual([[2], [0, 2], [0, 2], [1, 2]]);
    expect(tables.workloads).toEqual([
      { within: [], unsure: [] },
      { within: [0], unsure: [] },
      { within: [], unsure: [1] },
      { within: [2], unsure: [] },
    ]);
    const first = tables.rows[1];
    expect([first?.op, first?.n, first?.values]).toEqual([rowOp.ROW_WORKLOADS, 1, [0n]]);
  });

  it("leaves no rule out where that would take too many combinations", () => {
    // A group belongs to the teams of the bits of its number.
    const teams = Array.from({ length: 12 }, (_, team) => selector([ofPods({ team: `${team}` })]));
    const groups = 2 ** teams.length;
    const linked = (hooks: number) =>
      linkRules(
        Array.from({ length: hooks }, (_, i) => teams.map((one) => rule([one], 1, i + 1))).flat(),
        {
          groups,
          belongs: (group, { podSelector }) =>
            (group >> Number(podSelector?.matchLabels.team)) & 1 ? "within" : "outside",
        },
      ).tables;
    expect(linked(2).applications.length - 1).toBe(2 * (groups - 1));
    const most = Math.floor(limits.MAX_APPLICATIONS / groups);
    const tables = linked(most + 1);
    expect(tables.applications.slice(1).map((one) => one?.bits.length)).toEqual(
      Array.from({ length: most + 1 }, () => teams.length),
    );
    expect(tables.groups.every((group) => group.size === most + 1)).toBe(true);
    expect([0, 5].map((group) => tables.workloads[group]?.within)).toEqual([[], [0, 2]]);
  });

  it("says that selectors have too many workloads", () => {
    const rules = Array.from({ length: 257 }, (_, i) => rule([selector([ofPods({ i: `${i}` })])]));
    expect(() => linkRules(rules)).toThrow(/257 different workloads in selectors, and 256 fit/);
    expect(linkRules(rules.slice(1)).tables.workloads.length).toBe(1);
  });

  it("jumps over return filters that belong to entry filters which failed", () => {
    const number = (value: bigint): TypedFilter => ({
      on: "arg",
      arg: 0,
      test: { op: "equal", negate: false, values: [value] },
    });
    const returned = (value: bigint): TypedFilter => ({
      on: "arg",
      arg: "return",
      test: { op: "equal", negate: false, values: [value] },
    });
    const selectors = [selector([number(1n)], [returned(0n)], 0), selector([], [], 1)];
    const { tables, sets } = linkRules([rule(selectors)]);
    const matched = (value: bigint, returned: bigint) =>
      evaluateTables(tables, 1, sets.content, {
        ...plainCall,
        args: [value, 0n, 0n, "", plainSocket],
        returned,
      }).get(1);
    expect([matched(1n, 0n), matched(1n, 5n), matched(2n, 5n)]).toEqual([0, undefined, 1]);
  });
});

function ofPods(matchLabels: Record<string, string>) {
  const podSelector = { matchLabels, matchExpressions: [] };
  return { on: "workloads", workloads: { podSelector, host: false } } as const;
}

function text(
  op: "str-equal" | "str-prefix" | "str-postfix",
  values: readonly string[],
): TypedFilter {
  return { on: "arg", arg: 3, test: { op, negate: false, values } };
}

function fail(): never {
  throw new Error("there is no index");
}
