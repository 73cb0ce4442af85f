// SPDX-License-Identifier: Apache-2.0
import type { Attack, AttackResult } from "@gander/policy-test/attacks";
import { quoteSentence } from "../events/quote.ts";

/** What `-o json` says of an attack. */
export async function attackJson({ cases, ...attack }: Attack) {
  const { effects } = await import("@gander/policy-test/attacks");
  return {
    ...attack,
    cases: cases.map(({ name, do: operation, expect }) => ({
      ...{ name, operation: operation.name, arguments: operation.args, expected: expect },
      does: effects[operation.name],
    })),
  };
}

/** An attack with its cases, for people. */
export async function attackText(attack: Attack): Promise<string> {
  const { cases, pack, name, techniques, level, severity, stops, labels } =
    await attackJson(attack);
  const chosen = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    `${name} (${pack}; ${level}, ${severity}; ${techniques.join(", ")})`,
    `  ${stops}`,
    ...(chosen.length > 0 ? [`  Its policy is for pods with ${chosen.join(", ")}`] : []),
    ...cases.flatMap((one) => [
      `  ${one.expected.padEnd(8)}  ${one.name}: ${[one.operation, ...one.arguments].join(" ")}`,
      `            ${one.does}`,
    ]),
    "",
  ].join("\n");
}

/** What happened, for people: a line each below the name of its attack. */
export function resultsText(results: readonly AttackResult[], hasSensor: boolean): string {
  const byAttack = Map.groupBy(results, ({ pack, attack }) => `${pack}/${attack}`);
  const lines = [...byAttack].flatMap(([name, own]) => [
    name,
    ...own.map((one) => `  ${one.outcome.padEnd(10)}  ${one.case}${detail(one, hasSensor)}`),
  ]);
  return lines.map((line) => `${quoteSentence(line)}\n`).join("");
}

function detail({ error, reports }: AttackResult, hasSensor: boolean): string {
  const by = reports.map(({ policy, action }) => `${action} by ${policy}`);
  const parts = [...(error === "" ? [] : [error]), ...by];
  if (hasSensor && by.length === 0) parts.push("no policy reported it");
  return parts.length === 0 ? "" : `: ${parts.join("; ")}`;
}

/** The last line. */
export function resultsSummary(results: readonly AttackResult[], hasSensor: boolean): string {
  const count = (outcome: AttackResult["outcome"]) =>
    results.filter((one) => one.outcome === outcome).length;
  const counts = (["succeeded", "refused", "killed", "impossible"] as const)
    .map((outcome) => [count(outcome), outcome] as const)
    .filter(([n]) => n > 0)
    .map(([n, outcome]) => `${n} ${outcome}`);
  const reported = results.filter(({ reports }) => reports.length > 0).length;
  const last = hasSensor
    ? `${reported} reported by policies`
    : "no sensor was asked, so it is not known who refused";
  return `${results.length} cases: ${[...counts, last].join(", ")}\n`;
}
