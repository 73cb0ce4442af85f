// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import { type CaseResult, casePart, type Decision } from "../case-result.ts";
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

/** Under the policies that are in force for the node's pod. */
export async function runCase(node: TestNode, one: TestCase): Promise<CaseResult> {
  try {
    using container = new TestContainer(node.cgroup, one);
    for (const operation of one.given) {
      const outcome = await container.act(operation);
      if (outcome.ended !== "done") throw new Error(`given ${operation.name}: ${textOf(outcome)}`);
    }
    container.mountRest();
    const before = countsOf(node);
    const outcome = await container.act(one.do);
    return { ...casePart(one), ...judge(outcome, changes(before, countsOf(node))) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ...casePart(one), verdict: "invalid", why };
  }
}

type Count = Decision & { readonly reported: bigint; readonly enforced: bigint };

/** Of each selector. */
function countsOf(node: TestNode): readonly Count[] {
  return node.states().flatMap(({ namespace, name, hooks }) =>
    hooks.flatMap(({ path, target, selectors }) =>
      selectors.map(({ index, counters: { matched, suppressedNoPost, enforced } }) => ({
        ...{ policy: namespace === "" ? name : `${namespace}/${name}`, entry: path, hook: target },
        ...{ selector: index, reported: matched - suppressedNoPost, enforced },
      })),
    ),
  );
}

/** Calls that were reported, or enforced, by what policies hook. */
export const hookCounts = (node: TestNode): ReadonlyMap<string, bigint> =>
  new Map(countsOf(node).map(({ hook, reported, enforced }) => [hook, reported + enforced]));

/** The first selectors that enforced something, and that reported something. */
function changes(before: readonly Count[], after: readonly Count[]) {
  const first = (what: "reported" | "enforced"): Decision | undefined => {
    const at = after.findIndex((one, i) => one[what] > (before[i]?.[what] ?? 0n));
    const { reported: _, enforced: __, ...decision } = after[at] ?? {};
    return "policy" in decision ? (decision as Decision) : undefined;
  };
  return { enforced: first("enforced"), reported: first("reported") };
}

type Judged = Pick<CaseResult, "verdict" | "why" | "decision">;

/** A program that was started may meet the denial later, and end as it likes. */
function judge(outcome: Outcome, { reported, enforced }: ReturnType<typeof changes>): Judged {
  const why = textOf(outcome);
  if (outcome.ended !== "done" && enforced === undefined)
    return { verdict: "invalid", why: `${why}, though no policy did that` };
  if (enforced !== undefined)
    return { verdict: outcome.ended === "killed" ? "killed" : "denied", why, decision: enforced };
  if (reported === undefined) return { verdict: "allowed", why };
  return { verdict: "reported", why, decision: reported };
}

const textOf = (outcome: Outcome): string =>
  outcome.ended === "refused" ? `refused: ${outcome.error}` : outcome.ended;
