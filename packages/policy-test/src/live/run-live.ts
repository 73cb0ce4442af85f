// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { PolicyTest, TestCase, Verdict } from "../policy-test.ts";
import { type Outcome, TestContainer } from "./test-container.ts";
import type { TestNode } from "./test-node.ts";

export type CaseResult = {
  readonly name: string;
  /** Of the case in its file. */
  readonly line: number;
  readonly expected: Verdict;
  /** `invalid`: the case can't be judged, `why` says what it met. */
  readonly verdict: Verdict | "invalid";
  readonly why: string;
};

/** Does what the cases say, one after the other, on this kernel. @throws Error if a policy can't be in force. */
export async function runLive(
  node: TestNode,
  { cases }: PolicyTest,
  policies: readonly CompiledPolicy[],
): Promise<readonly CaseResult[]> {
  await node.use(policies, labelsFor(policies));
  const results: CaseResult[] = [];
  for (const one of cases) results.push(await runCase(node, one));
  return results;
}

/** Labels by which the policies choose the pod. */
export function labelsFor(policies: readonly CompiledPolicy[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { workloads } of policies) {
    const { matchLabels = {}, matchExpressions = [] } = workloads?.podSelector ?? {};
    Object.assign(labels, matchLabels);
    for (const { key, operator, values } of matchExpressions)
      if (operator === "Exists" || operator === "In") labels[key] = values[0] ?? "true";
  }
  return labels;
}

async function runCase(node: TestNode, one: TestCase): Promise<CaseResult> {
  const { name, line, expect: expected } = one;
  try {
    using container = new TestContainer(node.cgroup, one);
    for (const operation of one.given) {
      const outcome = await container.act(operation);
      if (outcome.ended !== "done") throw new Error(`given ${operation.name}: ${textOf(outcome)}`);
    }
    container.mountRest();
    const before = countsOf(node);
    const outcome = await container.act(one.do);
    const after = countsOf(node);
    const did = {
      matched: after.matched > before.matched,
      enforced: after.enforced > before.enforced,
    };
    return { name, line, expected, ...judge(outcome, did) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { name, line, expected, verdict: "invalid", why };
  }
}

/** Of all policies together. */
function countsOf(node: TestNode) {
  const counters = node.states().map((state) => state.counters);
  const sum = (name: "matched" | "enforced") => counters.reduce((all, one) => all + one[name], 0n);
  return { matched: sum("matched"), enforced: sum("enforced") };
}

type Did = Record<keyof ReturnType<typeof countsOf>, boolean>;

/** A program that was started may meet the denial later, and end as it likes. */
function judge(outcome: Outcome, { matched, enforced }: Did): Pick<CaseResult, "verdict" | "why"> {
  const why = textOf(outcome);
  if (outcome.ended === "killed" && enforced) return { verdict: "killed", why };
  if (outcome.ended !== "done" && !enforced)
    return { verdict: "invalid", why: `${why}, though no policy did that` };
  if (enforced) return { verdict: "denied", why };
  return { verdict: matched ? "reported" : "allowed", why };
}

const textOf = (outcome: Outcome): string =>
  outcome.ended === "refused" ? `refused: ${outcome.error}` : outcome.ended;
