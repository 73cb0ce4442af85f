// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GroupPlan, type GroupPlanInput, planGroups } from "./group-plan.ts";

type StepsOptions = {
  /** Or only before and after all moves that need no switch; a cgroup is moved once in each of them. */
  readonly after?: "each move" | "all moves";
};

/** What a cgroup has, after each step of the plan; `kernel` may list more in between. */
function* steps(
  input: GroupPlanInput,
  plan: GroupPlan,
  { after = "each move" }: StepsOptions = {},
) {
  const placed = new Map(input.placed);
  let rows = new Map(input.groups);
  const host: readonly string[] = ["host"];
  const of = (cgroup: bigint) => {
    const number = placed.get(cgroup) ?? 0;
    return number === 0 ? host : (rows.get(number) ?? []);
  };
  const kernel = { of, placed };
  yield kernel;
  const used = new Set(placed.values());
  for (const { from, to } of plan.aliases) {
    expect(used.has(to)).toBe(false);
    rows.set(to, from === 0 ? host : (rows.get(from) ?? []));
  }
  for (const [cgroup, to] of plan.before) {
    placed.set(cgroup, to);
    if (after === "each move") yield kernel;
  }
  yield kernel;
  rows = new Map(plan.groups);
  yield kernel;
  for (const [cgroup, to] of plan.after) {
    placed.set(cgroup, to);
    if (after === "each move") yield kernel;
  }
  yield kernel;
}

function run(input: GroupPlanInput, options?: StepsOptions) {
  const plan = planGroups(input);
  let last: ReadonlyMap<bigint, number> = new Map();
  const seen = new Map<bigint, string[]>();
  for (const { of, placed } of steps(input, plan, options)) {
    last = placed;
    for (const cgroup of input.wanted.keys()) {
      const texts = seen.get(cgroup) ?? [];
      const text = of(cgroup).join();
      if (texts.at(-1) !== text) texts.push(text);
      seen.set(cgroup, texts);
    }
  }
  return { plan, seen, numbers: new Map(last) };
}

/** Nobody lacks what it has and keeps, or has what is neither old nor new; and equal contents have one number. */
function expectNothingLost(given: GroupPlanInput, { plan, seen, numbers }: ReturnType<typeof run>) {
  const wrong: unknown[] = [];
  const byText = new Map<string, number>();
  for (const [cgroup, uids] of given.wanted) {
    const old = given.groups.get(given.placed.get(cgroup) ?? 0) ?? ["host"];
    const steps = seen.get(cgroup)?.map((text) => text.split(",").filter(Boolean)) ?? [];
    const allowed = new Set([...old, ...uids]);
    const kept = old.filter((uid) => uids.includes(uid));
    const isRight = (step: readonly string[]) =>
      step.every((uid) => allowed.has(uid)) && kept.every((uid) => step.includes(uid));
    if (!steps.every(isRight)) wrong.push({ cgroup, old, uids, steps });
    const isRefused = plan.refused.has(cgroup);
    const last = isRefused ? given.placed.has(cgroup) && old : uids;
    if (last && steps.at(-1)?.join() !== last.join()) wrong.push({ cgroup, last, steps });
    if (isRefused) continue;
    const [text, number] = [uids.join(), numbers.get(cgroup) ?? 0];
    if ((byText.get(text) ?? number) !== number || plan.numbers.get(text) !== number)
      wrong.push({ cgroup, text, number });
    byText.set(text, number);
  }
  for (const number of numbers.values()) if (!plan.groups.has(number)) wrong.push({ number });
  for (const [key, number] of plan.numbers)
    if (plan.groups.get(number)?.join() !== key) wrong.push({ key, number });
  expect(wrong).toEqual([]);
}

describe("planGroups", () => {
  it("places what isn't listed, and gives equal ones one number", () => {
    const { plan, seen, numbers } = run({
      groups: new Map(),
      placed: new Map(),
      wanted: new Map([
        [1n, ["a"]],
        [2n, ["a"]],
        [3n, []],
      ]),
    });
    expect(numbers.get(1n)).toBe(numbers.get(2n));
    expect(numbers.get(3n)).not.toBe(numbers.get(1n));
    expect(seen.get(1n)).toEqual(["host", "a"]);
    expect(plan.aliases.length).toBe(2);
  });

  it("changes nothing where nothing changes", () => {
    const { plan } = run({
      groups: new Map([[4, ["a"]]]),
      placed: new Map([[1n, 4]]),
      wanted: new Map([[1n, ["a"]]]),
    });
    expect(plan).toEqual({
      aliases: [],
      before: new Map(),
      groups: new Map([[4, ["a"]]]),
      after: new Map(),
      numbers: new Map([["a", 4]]),
      refused: new Set(),
    });
  });

  it("changes the content of a number if all of it change alike", () => {
    const { plan } = run({
      groups: new Map([[4, ["a"]]]),
      placed: new Map([
        [1n, 4],
        [2n, 4],
      ]),
      wanted: new Map([
        [1n, ["b"]],
        [2n, ["b"]],
      ]),
    });
    expect(plan.groups).toEqual(new Map([[4, ["b"]]]));
    expect(plan.aliases).toEqual([]);
  });

  it("moves a cgroup to a group that is there already", () => {
    const { plan, seen } = run({
      groups: new Map([
        [4, ["a"]],
        [5, ["b"]],
      ]),
      placed: new Map([
        [1n, 4],
        [2n, 4],
        [3n, 5],
      ]),
      wanted: new Map([
        [1n, ["a"]],
        [2n, ["b"]],
        [3n, ["b"]],
      ]),
    });
    expect(plan.before).toEqual(new Map([[2n, 5]]));
    expect(seen.get(2n)).toEqual(["a", "b"]);
  });

  it("says which cgroups find no group, and leaves them what they have", () => {
    const { plan, seen } = run({
      maxGroups: 3,
      groups: new Map(),
      placed: new Map(),
      wanted: new Map([
        [1n, ["a"]],
        [2n, ["b"]],
        [3n, []],
      ]),
    });
    expect(plan.refused).toEqual(new Set([2n]));
    expect(seen.get(2n)).toEqual(["host", ""]);
  });

  it("lets who isn't told of yet keep a policy that was deleted and made anew", () => {
    const { plan, seen } = run({
      groups: new Map([[4, ["a", "old"]]]),
      placed: new Map([
        [1n, 4],
        [2n, 4],
        [9n, 4],
      ]),
      wanted: new Map([
        [1n, ["new"]],
        [2n, ["a", "new"]],
      ]),
      successors: new Map([["old", "new"]]),
    });
    expect(plan.groups.get(4)).toEqual(["a", "new"]);
    expect(plan.numbers.get("a,new")).toBe(4);
    expect(seen.get(1n)).toEqual(["a,old", "new"]);
    expect(seen.get(2n)).toEqual(["a,old", "a,new"]);
  });

  it("gives the unsure entries only to cgroups that it can't know", () => {
    const groups = new Map([
      [4, ["a"]],
      [5, ["b"]],
      [6, ["c"]],
    ]);
    const placed = new Map([
      ...[1n, 2n, 9n].map((cgroup) => [cgroup, 4] as const),
      ...[8n].map((cgroup) => [cgroup, 5] as const),
      ...[3n, 7n].map((cgroup) => [cgroup, 6] as const),
    ]);
    const wanted = new Map([
      [1n, ["a"]],
      [2n, ["a", "w"]],
      [3n, ["c", "w"]],
    ]);
    const { plan, seen } = run({ groups, placed, wanted, unsure: ["w?"] });
    // 9 is in a group that is divided, 8 in one of its own; 7 changes like 3.
    expect([4, 5, 6].map((number) => plan.groups.get(number))).toEqual([
      ["a", "w?"],
      ["b", "w?"],
      ["c", "w"],
    ]);
    expect([1n, 2n, 3n].map((cgroup) => seen.get(cgroup))).toEqual([
      ["a"],
      ["a", "a,w"],
      ["c", "c,w"],
    ]);
    const full = run({ groups, placed, wanted, unsure: ["w?"], maxGroups: 1 });
    expect(full.plan.refused.size).toBeGreaterThan(0);
    expect([...full.plan.groups.values()].flat()).not.toContain("w?");
  });

  const uids = fc.subarray(["a", "b", "c", "d"]);
  const input = fc
    .record({
      groups: fc.dictionary(fc.constantFrom("1", "2", "3", "4", "5"), uids),
      placed: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 }),
      wanted: fc.array(fc.option(uids), { maxLength: 12 }),
      expected: fc.array(uids, { maxLength: 4 }),
      maxGroups: fc.constantFrom(4, 8, 256),
      unsure: fc.constantFrom([], ["w?"]),
    })
    .map(({ groups, placed, wanted, expected, maxGroups, unsure }): GroupPlanInput => {
      const known = new Map(Object.entries(groups).map(([n, list]) => [Number(n), list]));
      return {
        groups: known,
        placed: new Map(
          placed.flatMap((number, i) => (known.has(number) ? [[BigInt(i), number]] : [])),
        ),
        wanted: new Map(wanted.flatMap((list, i) => (list === null ? [] : [[BigInt(i), list]]))),
        ...{ expected, maxGroups, unsure },
      };
    });

  it("never takes away what a cgroup has and keeps, nor gives it what is neither old nor new", () => {
    fc.assert(
      fc.property(input, (given) => {
        const result = run(given);
        expectNothingLost(given, result);
        if (given.maxGroups === 256)
          for (const uids of given.expected ?? [])
            expect(result.plan.numbers.has(uids.join())).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("does the same for 4,096 combinations", () => {
    const policies = Array.from(
      { length: 13 },
      (_, bit) => `policy-${String(bit).padStart(2, "0")}`,
    );
    const combination = (n: number) => policies.filter((_, bit) => (n >> bit) & 1);
    const count = 4096;
    fc.assert(
      fc.property(fc.nat(count - 1), fc.constantFrom(1, 3), (shift, factor) => {
        // Two cgroups of each; then the second ones part from the first ones, and none has what it had.
        const cgroups = Array.from({ length: 2 * count }, (_, i) => BigInt(i));
        const next = (cgroup: bigint) =>
          (Number(cgroup % BigInt(count)) * (cgroup < count ? 1 : factor) + shift) % count;
        const first: GroupPlanInput = {
          ...{ groups: new Map(), placed: new Map() },
          wanted: new Map(cgroups.map((one) => [one, combination(1 + (Number(one) % count))])),
        };
        const before = run(first, { after: "all moves" });
        expectNothingLost(first, before);
        expect(before.plan.groups.size).toBe(count);
        const second: GroupPlanInput = {
          ...{ groups: before.plan.groups, placed: before.numbers },
          wanted: new Map(cgroups.map((one) => [one, combination(1 + next(one))])),
        };
        const after = run(second, { after: "all moves" });
        expectNothingLost(second, after);
        if (factor === 1) expect([after.plan.refused.size, after.plan.aliases]).toEqual([0, []]);
      }),
      { numRuns: 4 },
    );
  }, 60_000);

  it("refuses what the 4,352nd number would be for", () => {
    const wanted = new Map(Array.from({ length: 5_000 }, (_, i) => [BigInt(i), [`policy-${i}`]]));
    const { plan } = run({ groups: new Map(), placed: new Map(), wanted }, { after: "all moves" });
    expect([plan.groups.size, plan.refused.size]).toEqual([4351, 5_000 - 4351]);
  });

  it("keeps what a cgroup has that the kernel has listed and nobody has told of yet", () => {
    fc.assert(
      fc.property(input, (given) => {
        const plan = planGroups(given);
        for (const [cgroup, number] of given.placed) {
          if (given.wanted.has(cgroup)) continue;
          const others = [...given.wanted].filter(([one]) => given.placed.get(one) === number);
          const texts = new Set(others.map(([, uids]) => uids.join()));
          const content = plan.groups.get(number)?.join();
          const old = given.groups.get(number) ?? [];
          const kept = [old, [...old, ...(given.unsure ?? [])]].map((one) => one.join());
          expect(texts.size === 1 ? [...texts, ...kept] : kept).toContain(content);
        }
      }),
    );
  });
});
