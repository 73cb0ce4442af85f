// SPDX-License-Identifier: Apache-2.0
import type { Explanation, HookExplanation, RuleExplanation } from "@gander/policy/explain";
import { quoteSentence } from "./events/quote.ts";

const modes = {
  enforce: "enforces",
  monitor: "reports only: its mode is monitor",
  "monitor-only": "reports only: no action of it enforces",
} as const;

/** An explanation for people; safe for a terminal, whatever the policy says. */
export function explanationText({
  name,
  namespace,
  mode,
  appliesTo,
  needsOperator,
  eventBudget,
  hooks,
}: Explanation): string {
  const title = `${namespace === "" ? "" : `${namespace}/`}${name}: for ${appliesTo}; ${modes[mode]}${eventBudget === "" ? "" : `; posts ${eventBudget}`}`;
  const operator = needsOperator
    ? [
        "It needs the operator: a sensor without one refuses it, because it does not know workloads.",
      ]
    : [];
  const lines = [title, ...operator, ...hooks.flatMap((hook) => ["", ...hookLines(hook)])];
  return `${lines.map(quoteSentence).join("\n")}\n`;
}

function hookLines(hook: HookExplanation): readonly string[] {
  const { path, hooks, when, reads, rules, cost, blindSpots } = hook;
  return [
    `${path}: ${hooks}`,
    ...(when === undefined ? [] : [`  called ${when}`]),
    ...(reads.length === 0 ? [] : [`  reads  ${reads.join("; ")}`]),
    `  costs  at most about ${counted(cost.filtered)} instructions for a call that matches nothing, ${counted(cost.posted)} for one that is reported, ${counted(cost.elsewhere)} in other processes`,
    ...(cost.growsWithProgram
      ? [
          "         and more, the more arguments and variables the new program gets, and the longer they are",
        ]
      : []),
    ...rules.flatMap((rule, i) => ruleLines(rule, i, rules.length)),
    ...(blindSpots.length === 0 ? [] : ["  can't see"]),
    ...blindSpots.flatMap(({ says, instead }) => [
      `    - ${says}`,
      ...(instead === "" ? [] : [`      ${instead}`]),
    ]),
  ];
}

const counted = (instructions: number): string => instructions.toLocaleString("en");

function ruleLines(rule: RuleExplanation, index: number, count: number): readonly string[] {
  const { conditions, effects, returnConditions, returnEffects } = rule;
  const head = index === 0 ? "  if    " : "  else if";
  const every = count === 1 ? "  at every call" : "  in all other cases";
  return [
    ...(conditions.length === 0 ? [every] : anded(head, conditions)),
    ...effects.map((effect) => `    → ${effect}`),
    ...(returnConditions.length === 0 ? [] : anded("    and, when it returns,", returnConditions)),
    ...(returnEffects.length > 0 && returnConditions.length === 0 ? ["    when it returns"] : []),
    ...returnEffects.map((effect) => `    → ${effect}`),
  ];
}

const anded = (head: string, conditions: readonly string[]): readonly string[] =>
  conditions.map((condition, i) => (i === 0 ? `${head} ${condition}` : `     and ${condition}`));
