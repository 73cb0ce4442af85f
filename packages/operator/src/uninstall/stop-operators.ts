// SPDX-License-Identifier: Apache-2.0
import { KubeError, resourcePath, unfenced } from "@gander/kube";
import type { Uninstall } from "./step.ts";
import { podsOf, waitFor } from "./wait-for.ts";

const deployments = { group: "apps", version: "v1", plural: "deployments" };
const name = "gander-operator";

/** Scales the operator to none, and waits until its last replica has ended. */
export async function stopOperators(uninstall: Uninstall): Promise<void> {
  const { client, logger, namespace, signal } = uninstall;
  try {
    await client.write({
      task: `scale deployments "${namespace}/${name}"`,
      method: "PATCH",
      path: resourcePath(deployments, { namespace, name, subresource: "scale" }),
      contentType: "application/merge-patch+json",
      body: { spec: { replicas: 0 } },
      permit: unfenced,
      signal,
    });
  } catch (error) {
    if (!(error instanceof KubeError && error.code === "kube-not-found")) throw error;
  }
  const running = () => podsOf(uninstall, name);
  await waitFor(
    uninstall,
    async () => (await running()).length === 0,
    async () =>
      `replicas of the operator have not ended: ${(await running()).map(({ metadata }) => metadata.name).join(", ")}`,
  );
  logger.info("The operator was stopped");
}
