// SPDX-License-Identifier: Apache-2.0
import { KubeError, type KubeObject, resourcePath, unfenced } from "@gander/kube";
import { listText } from "../status/status-text.ts";
import type { Uninstall } from "./step.ts";
import { podsOf, waitFor } from "./wait-for.ts";

const daemonSets = { group: "apps", version: "v1", plural: "daemonsets" };
const name = "gander-sensor";
const flag = "--remove-all";

type DaemonSet = KubeObject & {
  readonly metadata: { readonly generation?: number };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly name: string;
          readonly args?: readonly string[];
        }[];
      };
    };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly updatedNumberScheduled?: number;
    readonly numberReady?: number;
  };
};

/**
 * Starts every sensor anew with the order to remove everything, on all nodes at once, and waits until all have
 * done so. A sensor that only stops would leave enforcement in the kernel, as before an update.
 */
export async function removeFromNodes(uninstall: Uninstall): Promise<void> {
  const { client, logger, namespace, signal } = uninstall;
  const path = resourcePath(daemonSets, { namespace, name });
  const task = `daemonsets "${namespace}/${name}"`;
  const read = () => client.get<DaemonSet>({ task: `get ${task}`, path, signal });
  let found: DaemonSet;
  try {
    found = await read();
  } catch (error) {
    if (!(error instanceof KubeError && error.code === "kube-not-found")) throw error;
    logger.warn("There are no sensors to remove anything from nodes");
    return;
  }
  const { containers } = found.spec.template.spec;
  const index = containers.findIndex((container) => container.name === "sensor");
  if (containers[index]?.args?.includes(flag) !== true)
    await client.write({
      task: `patch ${task}`,
      method: "PATCH",
      path,
      contentType: "application/json-patch+json",
      body: [
        { op: "test", path: `/spec/template/spec/containers/${index}/name`, value: "sensor" },
        { op: "add", path: `/spec/template/spec/containers/${index}/args/-`, value: flag },
        {
          op: "replace",
          path: "/spec/updateStrategy",
          value: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } },
        },
      ],
      permit: unfenced,
      signal,
    });
  logger.info("Sensors remove everything from their nodes", {
    nodes: found.status?.desiredNumberScheduled ?? 0,
  });
  await waitFor(
    uninstall,
    async () => isDone(await read()),
    async () =>
      `some nodes may still enforce policies: ${listText(await missingNodes(uninstall), 2_000)}`,
  );
}

function isDone({ metadata, status = {} }: DaemonSet): boolean {
  const { observedGeneration = 0, desiredNumberScheduled: wanted = 0 } = status;
  return (
    observedGeneration >= (metadata.generation ?? 0) &&
    (status.updatedNumberScheduled ?? 0) >= wanted &&
    (status.numberReady ?? 0) >= wanted
  );
}

/** Nodes whose pod is not ready, or is still the sensor. */
async function missingNodes(uninstall: Uninstall): Promise<readonly string[]> {
  const found = await podsOf(uninstall, name);
  const isReady = (pod: (typeof found)[number]) =>
    pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  const nodes = found.filter((pod) => !isReady(pod)).map(({ spec }) => spec?.nodeName ?? "");
  return nodes.length > 0 ? nodes : ["no pod is missing, but the DaemonSet has not been updated"];
}
