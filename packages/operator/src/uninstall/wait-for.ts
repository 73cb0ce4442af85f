// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError } from "@gander/base";
import { type KubeObject, resourcePath } from "@gander/kube";
import { pods } from "../api/cluster-resources.ts";
import type { Uninstall } from "./step.ts";

const pollMs = 1_000;

/** Polls until `isDone`; after the deadline rejects with `operator-uninstall` and the text of `missing`. */
export async function waitFor(
  { deadlineMs, signal }: Pick<Uninstall, "deadlineMs" | "signal">,
  isDone: () => Promise<boolean>,
  missing: () => Promise<string>,
): Promise<void> {
  while (!(await isDone())) {
    if (performance.now() > deadlineMs)
      throw new GanderError("operator-uninstall", `Cannot uninstall: ${await missing()}`, {
        hint: "uninstall again when the cause is gone; helm uninstall --no-hooks leaves the nodes as they are",
      });
    await sleep(pollMs, undefined, { signal });
  }
}

export type PodOnNode = KubeObject & {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
};

/** The pods of the operator or the sensors, even those that are being stopped. */
export async function podsOf(
  { client, namespace, signal }: Pick<Uninstall, "client" | "namespace" | "signal">,
  name: "gander-operator" | "gander-sensor",
): Promise<readonly PodOnNode[]> {
  const { items } = await client.get<{ readonly items: readonly PodOnNode[] }>({
    task: `list the pods of ${name}`,
    path: resourcePath(pods, { namespace }),
    query: { labelSelector: `app.kubernetes.io/name=${name}` },
    signal,
  });
  return items;
}
