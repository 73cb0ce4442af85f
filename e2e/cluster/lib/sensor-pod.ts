// SPDX-License-Identifier: Apache-2.0
import type { ControlPlane } from "../control-plane.ts";
import { type Created, createPod } from "./cluster-objects.ts";
import { operatorNamespace as namespace } from "./operator-process.ts";

/** The account of the chart's DaemonSet, and the audience of the token that is mounted there. */
export const sensorAccount = {
  namespace,
  serviceAccount: "gander-sensor",
  audience: "gander-operator",
} as const;

let created = 0;

/** Another Pod of the DaemonSet on a node, and the token that its kubelet would mount. */
export async function createSensorPod(
  cluster: ControlPlane,
  node: string,
  audience: string = sensorAccount.audience,
): Promise<{ readonly pod: Created; readonly token: string }> {
  const name = `gander-sensor-${node}-${created++}`;
  const pod = await createPod(cluster.client, { ...sensorAccount, name, node });
  return { pod, token: await cluster.token({ ...sensorAccount, audience, boundPod: pod }) };
}
