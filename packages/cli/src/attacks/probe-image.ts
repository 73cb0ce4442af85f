// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { KubeClient } from "@gander/kube";
import type { ClusterValues } from "../fleet/fleet-options.ts";
import type { ProbeValues } from "./probe-options.ts";

type DaemonSet = {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly { readonly image?: string }[];
        readonly imagePullSecrets?: readonly { readonly name?: string }[];
      };
    };
  };
};

/** The one that was asked for, or that of the cluster's sensors. */
export async function probeImage(
  {
    image,
    operatorNamespace: namespace,
  }: Pick<ProbeValues & ClusterValues, "image" | "operatorNamespace">,
  client: KubeClient,
) {
  if (image !== "") return { image };
  const { KubeError, resourcePath } = await import("@gander/kube");
  const kind = { group: "apps", version: "v1", plural: "daemonsets" };
  const name = "gander-sensor";
  try {
    const { spec } = await client.get<DaemonSet>({
      task: `read the DaemonSet ${name} in namespace ${namespace}`,
      path: resourcePath(kind, { namespace, name }),
    });
    const { containers, imagePullSecrets = [] } = spec.template.spec;
    return { image: containers[0]?.image ?? "", imagePullSecrets };
  } catch (error) {
    if (!(error instanceof KubeError) || error.retryable) throw error;
    const hint =
      "Name the sensor's image with --image, or its namespace with --operator-namespace.";
    throw new GanderError(error.code, error.message, { hint, cause: error });
  }
}
