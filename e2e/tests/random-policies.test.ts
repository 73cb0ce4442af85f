// SPDX-License-Identifier: Apache-2.0
// Made-up policies without a kernel: valid ones are checked, planned for a recorded kernel and linked; ones with a
// mistake are refused where it is. GANDER_RANDOM_POLICIES=10000 GANDER_RANDOM_SEED=7 makes more, and others.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { tracingPolicySchema } from "@gander/crd-schemas";
import { type CheckedPolicy, checkPolicy } from "@gander/policy";
import { expect, it, vi } from "vitest";
import { eachFunction, hookPointKey } from "../../packages/policy/src/index.ts";
import { createFollowBits } from "../../packages/sensor/src/link/follow-bits.ts";
import { link } from "../../packages/sensor/src/link/linker.ts";
import { createSetInterner } from "../../packages/sensor/src/link/set-interner.ts";
import { planHook } from "../../packages/sensor/src/plan/attach-plan.ts";
import { randomOf } from "../siege/random.ts";
import { randomMistake } from "./lib/random/random-mistake.ts";
import { madeUpSet, randomPolicy } from "./lib/random/random-policy.ts";
import { recordedFacts, recordedMachine } from "./lib/random/recorded-kernel.ts";
import { addWordsIn, wordsOf } from "./lib/random/schema-words.ts";

const count = Number(process.env.GANDER_RANDOM_POLICIES ?? 500);
const seed = Number(process.env.GANDER_RANDOM_SEED ?? 1);
vi.setConfig({ testTimeout: 1_000 * count });

const policyAt = (i: number) => randomPolicy(`made-up-${i}`, randomOf(seed, i), recordedMachine);
const valueSet = JSON.stringify({
  ...{ apiVersion: "gander.dev/v1alpha1", kind: "ValueSet", metadata: { name: madeUpSet } },
  spec: { values: ["/nowhere/c", "/nowhere/d"] },
});

/** What no made-up policy has, and why. */
const leftOut: Readonly<Record<string, string>> = {
  "ObjectMeta.generateName": "Kubernetes sets it, and nothing here reads it",
  "ObjectMeta.uid": "the same",
  "ObjectMeta.resourceVersion": "the same",
  "ObjectMeta.generation": "the same",
  "ObjectMeta.creationTimestamp": "the same",
  "ObjectMeta.deletionTimestamp": "the same",
  "ObjectMeta.deletionGracePeriodSeconds": "the same",
  "ObjectMeta.ownerReferences": "the same",
  "ObjectMeta.finalizers": "the same",
  "ObjectMeta.managedFields": "the same",
  "ObjectMeta.selfLink": "the same",
  "ActionSelector.argNewAddr":
    "only kernels from 6.18 on let programs change registers of a uprobe",
  "ActionSelector.argNewOffset": "the same",
  "ActionSelector.argNewSymbol": "the same",
  "ActionSelector.argRegs": "the same",
  "HostSelector.matchLabels": "a rule of the schema refuses it: all processes of the host, or none",
  "HostSelector.matchExpressions": "the same",
  "TracingPolicy.status": "the operator writes it, and nothing here reads it",
};

it("made-up policies have every word of the schema", () => {
  const used = new Set<string>();
  const missing = () => [...wordsOf(tracingPolicySchema)].filter((word) => !used.has(word)).sort();
  const wanted = Object.keys(leftOut).sort();
  for (let i = 0; i < 10_000 && missing().length > wanted.length; i++)
    addWordsIn(policyAt(i), tracingPolicySchema, used);
  expect(missing()).toEqual(wanted);
});

it(`${count} valid ones pass the check, and are planned and linked or refused with a reason`, () => {
  let [planned, refused, slowestMs, half] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const began = process.cpuUsage();
    const text = `${JSON.stringify(policyAt(i), undefined, 1)}\n---\n${valueSet}\n`;
    const { value = [], problems } = checkPolicy(text, { file: `made-up-${i}.yaml` });
    const why = problems?.map(({ path, message }) => `policy ${i}, ${path}: ${message}`);
    expect(why, text).toBeUndefined();
    for (const policy of value) {
      const outcome = planAndLink(policy, i);
      planned += outcome.planned;
      refused += outcome.refused;
    }
    slowestMs = Math.max(slowestMs, cpuMsSince(began));
    if (i === Math.floor(count / 2)) half = heapMiB();
  }
  expect(planned).toBeGreaterThan(4 * refused);
  expect(slowestMs, "ms of CPU for one policy").toBeLessThan(1_000);
  // Nothing is kept of a policy that is gone.
  expect(heapMiB() - half, "MiB more than in the middle").toBeLessThan(8);
});

/** How many hooks of the policy this kernel takes. */
function planAndLink({ compiled }: CheckedPolicy, i: number) {
  const plans = compiled.hooks.flatMap(eachFunction).map((hook) => planHook(hook, recordedFacts));
  const refusals = plans.flatMap((plan) => plan.refusals ?? []);
  for (const { message } of refusals) expect(message, `policy ${i}`).not.toBe("");
  const hookIds = new Map<string, number>();
  const idOf = (key: string) => {
    hookIds.set(key, hookIds.get(key) ?? hookIds.size + 1);
    return hookIds.get(key) ?? 0;
  };
  const rules = plans
    .flatMap((plan) => plan.rules ?? [])
    .map((one, id) => ({
      ...{ id: id + 1, hookId: idOf(hookPointKey(one.point)), planned: one },
      counters: one.selectors.map(({ verdict }) => verdict.selector),
    }));
  const tables = link({
    policies: [{ id: 1, rules, budget: 0, mode: "enforce" }],
    ...{ groups: [[0]], sets: createSetInterner(), follow: createFollowBits() },
    ...{ fileIdentity: () => undefined, hostNamespace: recordedFacts.hostNamespace },
  });
  expect(tables.rules.length, `policy ${i}`).toBeGreaterThanOrEqual(rules.length);
  return { planned: plans.length - refusals.length, refused: refusals.length };
}

it(`${count} ones with a mistake are refused, and told where it is`, () => {
  let slowestMs = 0;
  for (let i = 0; i < count; i++) {
    const { text, what, from, to } = randomMistake(
      policyAt(i),
      tracingPolicySchema,
      randomOf(seed, i, 1),
    );
    const began = process.cpuUsage();
    const { problems = [] } = checkPolicy(`${text}\n---\n${valueSet}\n`, { file: "made-up.yaml" });
    slowestMs = Math.max(slowestMs, cpuMsSince(began));
    const lines = text.split("\n");
    const offset = (line: number, column: number) =>
      lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, column - 1);
    const errors = problems.filter(({ severity }) => severity === "error");
    const isThere = errors.some(({ line, column }) => {
      const at = offset(line, column);
      return at >= from && at < to;
    });
    const told = errors.map(({ line, column, message }) => `${line}:${column} ${message}`);
    expect(isThere, `policy ${i}, ${what}; told: ${told.join("; ")}\n${text}`).toBe(true);
  }
  expect(slowestMs, "ms of CPU for one policy").toBeLessThan(1_000);
});

function cpuMsSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1_000;
}

function heapMiB(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
