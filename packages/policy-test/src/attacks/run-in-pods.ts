// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { KubeError } from "@gander/kube";
import { type AttackResult, attackResult, type Ending } from "./attack-result.ts";
import type { Attack } from "./find-attacks.ts";
import { containerName, type ProbePodOptions } from "./probe-pod.ts";
import { type ProbeAccess, runProbe } from "./run-probe.ts";
import { distinct, type Reports } from "./watch-reports.ts";

export type PodsOptions = Omit<ProbePodOptions, "name" | "labels"> & {
  /** Pods are named NAME-ATTACK. */
  readonly name: string;
  readonly reports: Reports | undefined;
};

/** Pods at once. */
const atOnce = 4;
/** How long events may take from a node to here. */
const arrivalMs = 3_000;

/** Does each attack in a pod with the labels by which its policy chooses pods. */
export async function runInPods(
  attacks: readonly Attack[],
  { reports, ...options }: PodsOptions,
  access: ProbeAccess,
): Promise<readonly AttackResult[]> {
  const podName = ({ name }: Attack) => `${options.name}-${name}`;
  const endings = new Map<Attack, readonly Ending[]>();
  const waiting = [...attacks];
  const work = async () => {
    for (let attack = waiting.shift(); attack !== undefined; attack = waiting.shift()) {
      const { labels, cases } = attack;
      endings.set(
        attack,
        await runProbe(cases, { ...options, labels, name: podName(attack) }, access).catch(
          (error: unknown) => {
            // Of this pod alone, such as by an admission rule that asks for restricted pods.
            if (!(error instanceof KubeError) || error.retryable) {
              waiting.length = 0;
              throw error;
            }
            return cases.map(() => ({ outcome: "impossible", error: error.message }) as const);
          },
        ),
      );
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: atOnce }, work));
  for (const one of workers) if (one.status === "rejected") throw one.reason;
  if (reports !== undefined) await sleep(arrivalMs, undefined, { signal: access.signal });
  return attacks.flatMap((attack) =>
    attack.cases.map((one, i) => {
      const pod = `${options.namespace}/${podName(attack)}`;
      const own = (reports?.all ?? []).filter(
        (report) => report.pod === pod && report.container === containerName(i),
      );
      const ending = endings.get(attack)?.[i] ?? { outcome: "impossible", error: "" };
      return attackResult(attack, one, ending, distinct(own));
    }),
  );
}
