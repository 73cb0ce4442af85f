// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type CompiledPolicy, isEnforcing } from "@gander/policy";
import type { Ending } from "../attacks/attack-result.ts";
import { containerName, type ProbePodOptions } from "../attacks/probe-pod.ts";
import { type ProbeAccess, runProbe } from "../attacks/run-probe.ts";
import { type EventSource, type PlacedReport, watchReports } from "../attacks/watch-reports.ts";
import { type CaseResult, casePart, type Engine, oneByOne } from "../case-result.ts";
import type { TestCase, Verdict } from "../policy-test.ts";
import { type CopyOptions, copyLabel, copyPolicies } from "./policy-copies.ts";
import { putInForce } from "./put-in-force.ts";

export type ClusterEngineOptions = Pick<
  ProbePodOptions,
  "image" | "imagePullSecrets" | "node" | "settleSeconds"
> & {
  /** Of the probe pods. It must exist. */
  readonly namespace: string;
  /** monitor: nothing is stopped, so what a policy would do is known from its actions alone. */
  readonly mode: CopyOptions["mode"];
  /** Of the operator. */
  readonly events: EventSource;
};

/** Cases are done in a pod of the cluster, under copies of their policies that are for this pod alone. */
export function createClusterEngine(options: ClusterEngineOptions, access: ProbeAccess): Engine {
  return {
    run: oneByOne(async (loaded) => {
      const { cases } = loaded.test;
      const policies = loaded.policies.map(({ compiled }) => compiled);
      const id = randomBytes(6).toString("hex");
      const { mode, namespace } = options;
      const copies = copyPolicies(loaded, { id, mode, namespace });
      const name = `gander-test-${id}`;
      await using reports = await watchReports(options.events, { pod_regex: [`^${name}$`] });
      await using _inForce = await putInForce(copies, access);
      const labels = { [copyLabel]: id };
      const endings = await runProbe(cases, { ...options, namespace, name, labels }, access);
      await sleep(arrivalMs, undefined, { signal: access.signal });
      if (reports.problem() !== "")
        throw new Error(`the cluster's events may be incomplete: ${reports.problem()}`);
      return cases.map((one, i) => {
        const own = reports.all.filter(({ container }) => container === containerName(i));
        return judge(one, endings[i] ?? notDone, { own, policies, copies: copies.length, name });
      });
    }),
    async [Symbol.asyncDispose]() {},
  };
}

/** How long events may take from a node to here. */
const arrivalMs = 3_000;
const notDone: Ending = { outcome: "impossible", error: "it was not done" };

type Seen = {
  readonly own: readonly PlacedReport[];
  readonly policies: readonly CompiledPolicy[];
  readonly copies: number;
  /** With a number behind it: a copy's. */
  readonly name: string;
};

/** Exported for its test. */
export function judge(one: TestCase, ending: Ending, seen: Seen): CaseResult {
  const { outcome, error } = ending;
  const names = Array.from({ length: seen.copies }, (_, i) => `${seen.name}-${i}`);
  const reports = seen.own.filter(({ policy }) => names.includes(policy));
  const others = seen.own.filter(({ policy }) => !names.includes(policy));
  const why = [outcome === "succeeded" ? "done" : outcome, error]
    .filter((text) => text !== "")
    .join(": ");
  const result = (verdict: CaseResult["verdict"], reason = why): CaseResult => {
    const at = names.indexOf(reports[0]?.policy ?? "");
    const policy = seen.policies[at]?.name;
    const because = policy === undefined ? reason : `${reason}; by ${policy}`;
    return { ...casePart(one), verdict, why: because };
  };
  if (outcome === "impossible") return result("invalid", error);
  const actions = reports.map(({ action }) => action);
  if (actions.includes("killed")) return result("killed");
  if (actions.includes("denied")) return result("denied");
  if (outcome !== "succeeded") {
    const by = others.map(({ policy }) => policy);
    const who =
      by.length === 0 ? "no copy of its policies did that" : `${by[0]} of the cluster did`;
    return result("invalid", `${why}, though ${who}`);
  }
  if (reports.length === 0)
    return actionsOf(seen.policies).some(({ action }) => action === "no-post")
      ? result("undecided", "a policy has NoPost, and only events are seen here")
      : result("allowed");
  const would = wouldBe(seen.policies);
  // In mode monitor a match is seen, and not which action it would lead to.
  if (would.has(one.expect)) return result(one.expect, `it would be: mode monitor; ${why}`);
  return result("reported");
}

const actionsOf = (policies: readonly CompiledPolicy[]) =>
  policies
    .flatMap(({ hooks }) => hooks.flatMap(({ selectors }) => selectors))
    .flatMap((selector) => [...selector.actions, ...selector.returnActions]);

/** Verdicts that their actions can lead to. */
function wouldBe(policies: readonly CompiledPolicy[]): ReadonlySet<Verdict> {
  const enforcing = actionsOf(policies).filter(isEnforcing);
  return new Set(enforcing.map(({ action }) => (action === "sigkill" ? "killed" : "denied")));
}
