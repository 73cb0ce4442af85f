// SPDX-License-Identifier: Apache-2.0
import type { HookPoint } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { rule, selector } from "../../test/linker-fixture.ts";
import { action } from "../link/abi.gen.ts";
import type { InstalledPolicy } from "./installed-policy.ts";
import { moveRules, rulesLeftBehind, uncounted } from "./moved-rules.ts";

const { ACTION_POST, ACTION_DENY } = action;
const at = (kind: HookPoint["kind"], target = "file_open"): HookPoint => ({
  ...{ kind, target, syscall: false },
});
const denies = selector([], [], 3, ACTION_POST | ACTION_DENY);

function policy(
  rules: InstalledPolicy["hooks"][number]["rules"],
  changes: Partial<InstalledPolicy> = {},
): InstalledPolicy {
  return {
    key: { name: "one", namespace: "", origin: "static" },
    ...{ id: 1, revision: 1, mode: "enforce", enabled: true, budget: 0, warnings: [] },
    compiled: { mode: "enforce" } as InstalledPolicy["compiled"],
    hooks: [{ hook: {} as never, rules, missing: "" }],
    ...changes,
  };
}
const named = (one: InstalledPolicy) => new Map([["one", one]]);
const ruleAt = (point: HookPoint, hookId = 1) => rule([denies], 7, hookId, { point });
const hooks = (id: number) => ({ hookAt: () => id });
const idsOf = (policies: Iterable<InstalledPolicy>) =>
  [...policies].flatMap((one) => one.hooks.flatMap(({ rules }) => rules.map((r) => r.hookId)));

describe("moveRules", () => {
  it("changes nothing while no other hook has more", () => {
    const policies = named(policy([ruleAt(at("lsm"))]));
    expect(moveRules(policies, hooks(1))).toBe(policies);
    expect(moveRules(policies, { hookAt: () => undefined })).toBe(policies);
  });

  it("puts all rules of a place at one hook, except where a function returns", () => {
    const policies = named(
      policy([
        ruleAt(at("lsm")),
        ruleAt(at("kprobe")),
        ruleAt(at("fexit")),
        ruleAt(at("kretprobe")),
      ]),
    );
    expect(idsOf(moveRules(policies, hooks(2)).values())).toEqual([2, 2, 1, 1]);
  });
});

describe("rulesLeftBehind", () => {
  const before = named(policy([ruleAt(at("lsm")), ruleAt(at("lsm", "bprm_check_security"), 5)]));
  const moved = named(policy([ruleAt(at("lsm"), 2), ruleAt(at("lsm", "bprm_check_security"), 5)]));

  it("enforce, but count and report nothing", () => {
    const left = rulesLeftBehind(before, moved);
    expect(idsOf(left)).toEqual([1]);
    const [found] = left[0]?.hooks[0]?.rules ?? [];
    expect(found?.id).toBe(0);
    expect(found?.counters).toEqual([uncounted]);
    expect(found?.planned.selectors.map(({ verdict }) => verdict.actions)).toEqual([ACTION_DENY]);
  });

  it("change no registers, which the other program does, too", () => {
    const step = { kind: 0, value: 1n, from: 0, fromSize: 8, to: 80, size: 8, toSize: 8 };
    const changes = { ...denies, verdict: { ...denies.verdict, assignments: [step] } };
    const ruleOf = (hookId: number) => rule([changes], 7, hookId, { point: at("uprobe") });
    const [changing, next] = [1, 2].map((hookId) => named(policy([ruleOf(hookId)])));
    if (changing === undefined || next === undefined) throw new Error("no policies");
    const [found] = rulesLeftBehind(changing, next)[0]?.hooks[0]?.rules ?? [];
    expect(found?.planned.selectors.map(({ verdict }) => verdict.actions)).toEqual([0]);
  });

  it("are none of a policy that no longer enforces, or not at that place", () => {
    const [one] = moved.values();
    if (one === undefined) throw new Error("no policy");
    for (const next of [
      new Map<string, InstalledPolicy>(),
      named({ ...one, enabled: false }),
      named({ ...one, mode: "monitor" }),
      named(policy([ruleAt(at("lsm", "file_permission"), 2)])),
      before,
    ])
      expect(rulesLeftBehind(before, next)).toEqual([]);
    expect(rulesLeftBehind(named({ ...one, mode: "monitor" }), moved)).toEqual([]);
  });
});
