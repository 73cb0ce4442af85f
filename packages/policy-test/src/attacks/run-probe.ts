// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { createObject, deleteObject, type KubeClient, resourcePath, unfenced } from "@gander/kube";
import type { TestCase } from "../policy-test.ts";
import type { Ending } from "./attack-result.ts";
import { endingOf, type ProbeStatus, waitingFor } from "./probe-endings.ts";
import { containerName, type ProbePodOptions, probePod } from "./probe-pod.ts";

export type ProbeAccess = {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  /** How long the pod may take to start and end. */
  readonly timeoutMs: number;
};

const pods = { group: "", version: "v1", plural: "pods", kind: "Pod" } as const;

/**
 * Does the cases in a pod of the cluster, at once, and deletes it. One ending a case, in their order.
 * @throws KubeError if the pod can't be created or read.
 */
export async function runProbe(
  cases: readonly TestCase[],
  options: ProbePodOptions,
  { client, signal, timeoutMs }: ProbeAccess,
): Promise<readonly Ending[]> {
  const { namespace, name } = options;
  const writer = { permit: unfenced, fieldManager: "gander" };
  const { metadata } = await createObject<{ readonly metadata: { readonly uid: string } }>(
    client,
    pods,
    probePod(cases, options),
    { ...writer, signal },
  );
  try {
    const end = performance.now() + timeoutMs + options.settleSeconds * 1000;
    for (;;) {
      const { status } = await client.get<{ readonly status: ProbeStatus }>({
        task: `read pod ${namespace}/${name}`,
        path: resourcePath(pods, { namespace, name }),
        signal,
      });
      const endings = cases.map((_, i) => endingOf(status, containerName(i)));
      const isOver = performance.now() > end;
      if (isOver || endings.every((one) => one !== undefined)) {
        const error = `it has not ended in time: ${waitingFor(status)}`;
        return endings.map((one) => one ?? { outcome: "impossible", error });
      }
      await sleep(1000, undefined, { signal });
    }
  } finally {
    // Also when the caller gives up.
    await deleteObject(client, pods, { namespace, name, uid: metadata.uid }, { permit: unfenced });
  }
}
