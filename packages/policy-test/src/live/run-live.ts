// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import { type CaseResult, casePart } from "../case-result.ts";
import { podLabelsFor } from "../pod-labels.ts";
import type { PolicyTest, TestCase } from "../policy-test.ts";
import { type Outcome, TestContainer } from "./test-container.ts";
import type { TestNode } from "./test-node.ts";

/** Does what the cases say, one after the other, on this kernel. @throws Error if a policy can't be in force. */
export async function runLive(
  node: TestNode,
  { cases }: Pick<PolicyTest, "cases">,
  policies: readonly CompiledPolicy[],
): Promise<readonly CaseResult[]> {
  await node.use(policies, podLabelsFor(policies));
  const results: CaseResult[] = [];
  for (const one of cases) results.push(await runCase(node, one));
  return results;
}

async function runCase(node: TestNode, one: TestCase): Promise<CaseResult> {
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
    return { ...casePart(one), ...judge(outcome, did) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...casePart(one), verdict: "invalid", why };
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
