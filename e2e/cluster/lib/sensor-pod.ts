// SPDX-License-Identifier: Apache-2.0
import { type ControlPlane, startControlPlane } from "../control-plane.ts";
import {
  type Created,
  createNamespace,
  createPod,
  createServiceAccount,
} from "./cluster-objects.ts";
import { installCrds, operatorNamespace as namespace } from "./operator-process.ts";

/** The account of the chart's DaemonSet, and the audience of the token that is mounted there. */
export const sensorAccount = {
  namespace,
  serviceAccount: "gander-sensor",
  audience: "gander-operator",
} as const;

/** A control plane in which operators and sensors can be started: with our CRDs, their namespace, the sensors' account. */
export async function startPreparedControlPlane(): Promise<ControlPlane> {
  const cluster = await startControlPlane();
  await createNamespace(cluster.client, namespace);
  await createServiceAccount(cluster.client, namespace, sensorAccount.serviceAccount);
  await installCrds(cluster);
  return cluster;
}

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
