// SPDX-License-Identifier: Apache-2.0
import type { LabelSelector, WorkloadSelector } from "@gander/policy";
import type { GroupWorkloads } from "./linked-tables.ts";

/** Whether processes belong to the workloads of a selector. unsure: too little is known of them yet. */
export type Belonging = "within" | "outside" | "unsure";

const texts = new WeakMap<WorkloadSelector, string>();

/** Equal for workloads that are written alike, whatever the order of their labels. */
export function workloadsText(workloads: WorkloadSelector): string {
  const known = texts.get(workloads);
  if (known !== undefined) return known;
  const { podSelector, containerSelector, host } = workloads;
  const text = JSON.stringify([host, partsOf(podSelector), partsOf(containerSelector)]);
  texts.set(workloads, text);
  return text;
}

function partsOf(selector: LabelSelector | undefined) {
  if (selector === undefined) return null;
  const labels = Object.entries(selector.matchLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  const others = selector.matchExpressions.map(({ key, operator, values }) => [
    ...[key, operator],
    ...values,
  ]);
  return [labels, others];
}

/** Numbers the workloads of selectors in the order in which rows name them. */
export class NumberedWorkloads {
  readonly #numbers = new Map<string, number>();
  readonly #all: WorkloadSelector[] = [];

  get size(): number {
    return this.#all.length;
  }

  numberOf(workloads: WorkloadSelector): number {
    const text = workloadsText(workloads);
    const number = this.#numbers.get(text) ?? this.#all.push(workloads) - 1;
    this.#numbers.set(text, number);
    return number;
  }

  of(belongs: (workloads: WorkloadSelector) => Belonging): GroupWorkloads {
    const of = { within: [] as number[], unsure: [] as number[], outside: [] as number[] };
    for (const [number, one] of this.#all.entries()) of[belongs(one)].push(number);
    return { within: of.within, unsure: of.unsure };
  }
}
