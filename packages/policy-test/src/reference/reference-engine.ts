// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import { type CaseResult, casePart, type Decision, type Engine } from "../case-result.ts";
import type { LoadedTest } from "../load-policy-test.ts";
import type { Operation } from "../operations.ts";
import { podLabelsFor } from "../pod-labels.ts";
import type { TestCase, Verdict } from "../policy-test.ts";
import { matchTrace, passTrace } from "./explain-views.ts";
import type { CallCounter, RuleView } from "./judge-call.ts";
import { type Ending, judgeOperation } from "./judge-operation.ts";
import { Container } from "./model/container.ts";
import { operationModels } from "./model/operation-models.ts";
import { processOf } from "./model/process.ts";
import { type Effect, rulesOf } from "./policy-rules.ts";

/**
 * Decides cases without a kernel: the calls that Linux makes for an operation come from a table, and what policies
 * say to each of them from the reference evaluator.
 */
export const referenceEngine: Engine = {
  run: async (tests) => tests.map(runReferenceOf),
  [Symbol.asyncDispose]: async () => {},
};

/** At once, for callers that wait for nothing. */
export function runReference(
  cases: readonly TestCase[],
  policies: readonly CompiledPolicy[],
): readonly CaseResult[] {
  const context = { rules: rulesOf(policies), labels: podLabelsFor(policies) };
  return cases.map((one) => runCase(one, context));
}

const runReferenceOf = ({ test, policies }: LoadedTest) =>
  runReference(
    test.cases,
    policies.map(({ compiled }) => compiled),
  );

/** An engine that really does cases, with what is said of them without a kernel. */
export const compared = (engine: Engine): Engine => ({
  run: async (tests) => {
    const results = await engine.run(tests);
    return tests.map((test, i) => {
      const model = runReferenceOf(test);
      return (results[i] ?? []).map((result, k) => withModel(result, model[k]));
    });
  },
  [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
});

const isKnown = ({ verdict }: CaseResult) => verdict !== "undecided" && verdict !== "invalid";

/** The model's trace stands for the call if it says the same, as a kernel shows none. */
function withModel(result: CaseResult, model: CaseResult | undefined): CaseResult {
  if (model === undefined || !isKnown(model) || !isKnown(result)) return result;
  const { verdict, why, trace = [] } = model;
  if (verdict === result.verdict) return { ...result, trace: [why, ...trace] };
  return { ...result, model: { verdict, why, trace } };
}

type Context = Parameters<typeof judgeOperation>[1];
type Judged = Omit<CaseResult, "name" | "line" | "expected">;

function runCase(one: TestCase, context: Context): CaseResult {
  try {
    return { ...casePart(one), ...judged(one, context) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { ...casePart(one), verdict: "invalid", why: error.message };
  }
}

function judged(one: TestCase, context: Context): Judged {
  const container = new Container(one, operationModels);
  const count = createCounter();
  const run = ({ name, args }: Operation): Ending => {
    container.process = processOf(one);
    count.newProcess();
    return judgeOperation(operationModels[name](container, ...args), context, count.add);
  };
  for (const operation of one.given) {
    const ending = run(operation);
    const stops = [...ending.possible].filter(
      (effect) => effect !== "none" && effect !== "reported",
    );
    if (stops.length > 0) return spoiled(`given ${operation.name}`, ending);
  }
  container.files.mountRest();
  const ending = run(one.do);
  return ending.brokeOff ? spoiled(`what ${one.do.name} needs`, ending) : verdictOf(ending);
}

/** The case did not get to what it is about. */
function spoiled(what: string, { possible, views, reasons }: Ending): Judged {
  if (reasons.length > 0) return undecided(reasons);
  const effect = [...possible][0] ?? "none";
  const view = views.findLast((one) => one.possible.has(effect));
  const trace = view === undefined ? [] : matchTrace(view, effect);
  return { verdict: "invalid", why: `${what} is ${effect} already`, trace };
}

function verdictOf(ending: Ending): Judged {
  const [effect = "none", ...others] = ending.possible;
  if (others.length > 0) return undecided(ending.reasons);
  const verdict: Verdict = effect === "none" ? "allowed" : effect;
  if (effect === "none") return { verdict, why: "no selector matches", trace: passTrace(ending) };
  const view = ending.views.find((one) => one.possible.has(effect));
  if (view === undefined) return { verdict, why: "" };
  const decision = decisionOf(view, effect);
  const { policy, entry, hook, selector } = decision;
  const why = `by the policy ${policy}, ${entry} (${hook}), selector ${selector}`;
  return { verdict, why, decision, trace: matchTrace(view, effect) };
}

const undecided = (reasons: readonly string[]): Judged => ({
  verdict: "undecided",
  why: `it depends on ${reasons.join("; and on ")}`,
});

const decisionOf = ({ rule: { policy, hook }, possible }: RuleView, effect: Effect): Decision => ({
  policy: policy.namespace === "" ? policy.name : `${policy.namespace}/${policy.name}`,
  entry: hook.path,
  hook: hook.target,
  selector: possible.get(effect) ?? 0,
});

/** The time of a case is short: everything is within the time of a `matchCount`. */
function createCounter() {
  const counts = { process: new Map<string, number>(), container: new Map<string, number>() };
  const add: CallCounter = ({ policy, hook }, selector, per) => {
    const key = `${policy.namespace}/${policy.name} ${hook.path} ${selector}`;
    const now = (counts[per].get(key) ?? 0) + 1;
    counts[per].set(key, now);
    return now;
  };
  return { add, newProcess: () => counts.process.clear() };
}
