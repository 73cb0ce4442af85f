// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { createKubeClient, loadCredentials } from "@gander/kube";
import type { OperatorConfiguration } from "../configuration.ts";
import { deleteObjects } from "./delete-objects.ts";
import { removeFromNodes } from "./remove-from-nodes.ts";
import { stopOperators } from "./stop-operators.ts";

export type UninstallDeps = {
  readonly logger: Logger;
  readonly version: string;
  readonly signal: AbortSignal;
};

/**
 * Undoes what operators and sensors have made besides the release's own objects, so that nothing is left when
 * these are deleted. Each step does nothing if it was done before. Rejects with `operator-uninstall` if nodes or
 * replicas don't follow in time, or with a KubeError.
 */
export async function uninstall(
  configuration: OperatorConfiguration,
  { logger, version, signal }: UninstallDeps,
): Promise<void> {
  const { kubeconfig, uninstallTimeout, uninstall: what } = configuration;
  const source = await loadCredentials(kubeconfig === "" ? {} : { path: kubeconfig });
  const namespace = configuration.namespace || source.namespace;
  const client = createKubeClient(source, { userAgent: `gander-uninstall/${version}` });
  const deadlineMs = performance.now() + uninstallTimeout;
  const shared = { client, logger, namespace, deadlineMs, signal };
  try {
    logger.info("Uninstalling begins", { what, namespace });
    if (what === "remove") await removeFromNodes(shared);
    // Before the objects: an operator would make them again.
    await stopOperators(shared);
    await deleteObjects(shared, { revisions: what === "remove" ? "delete" : "keep" });
    logger.info("Uninstalling is done", { what });
  } finally {
    client.close();
  }
}
