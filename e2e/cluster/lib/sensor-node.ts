// SPDX-License-Identifier: Apache-2.0
import type { ControlPlane } from "../control-plane.ts";
import { type Created, createNode } from "./cluster-objects.ts";
import { type Guest, hostInGuest, startGuest } from "./guest.ts";
import type { NetworkLink } from "./network-link.ts";
import { createSensorPod } from "./sensor-pod.ts";

/** A node of the cluster: a real kernel with a real sensor, with a Node and a sensor's Pod in the API. */
export type SensorNode = AsyncDisposable & {
  readonly name: string;
  readonly guest: Guest;
  /** Its sensor's Pod. */
  readonly pod: Created;
  /** Its link to the operator. */
  readonly link: NetworkLink;
  /** Its log so far. */
  log(): Promise<string>;
  /** Starts it and waits until it reports that it is ready: all policies on its disk are in force then. */
  startSensor(flags?: readonly string[]): Promise<void>;
  /** With SIGKILL if absent. */
  stopSensor(signal?: "KILL" | "TERM"): Promise<void>;
  /** Replaces the token, as the kubelet does. */
  writeToken(token: string): Promise<void>;
};

export type SensorNodeOptions = {
  readonly name: string;
  readonly kernel: string;
  /** PEM of the authorities that signed the operator's certificate. */
  readonly authorities: string;
  readonly link: NetworkLink;
};

export const sensorFiles = {
  home: "/run/gander-e2e",
  state: "/var/lib/gander-e2e",
  token: "/run/gander-e2e/token",
  ca: "/run/gander-e2e/ca.crt",
  log: "/run/gander-e2e/sensor.log",
  pid: "/run/gander-e2e/sensor.pid",
  export: "/run/gander-e2e/export.log",
} as const;

/** Boots it and creates its API objects. The sensor isn't started yet. */
export async function startSensorNode(
  cluster: ControlPlane,
  { name, kernel, authorities, link }: SensorNodeOptions,
): Promise<SensorNode> {
  const guest = await startGuest(kernel);
  try {
    await createNode(cluster.client, name);
    const { pod, token } = await createSensorPod(cluster, name);
    const write = (file: string, input: string) =>
      guest.bash(
        `umask 077; mkdir -p ${sensorFiles.home}; cat > ${file}.new; mv ${file}.new ${file}`,
        {
          input,
        },
      );
    await write(sensorFiles.ca, authorities);
    await write(sensorFiles.token, token);
    const log = () => guest.bash(`cat ${sensorFiles.log} 2>/dev/null || true`);
    return {
      name,
      guest,
      pod,
      link,
      log,
      writeToken: async (text) => void (await write(sensorFiles.token, text)),
      async startSensor(flags = []) {
        const words = [
          ...["gander", "run", "--node-name", name, "--state-dir", sensorFiles.state],
          ...["--operator", `${hostInGuest}:${link.port}`, "--operator-ca", sensorFiles.ca],
          ...["--operator-token", sensorFiles.token, "--operator-server-name", "gander-operator"],
          ...["--export-filename", sensorFiles.export, ...flags],
        ];
        await guest.bash(
          `setsid ${words.join(" ")} >> ${sensorFiles.log} 2>&1 < /dev/null & echo $! > ${sensorFiles.pid}`,
        );
        const { status } = await guest.run(["gander", "status", "--wait", "180s"]);
        if (status !== 0)
          throw new Error(`The sensor of ${name} is not ready:\n${(await log()).slice(-3000)}`);
      },
      async stopSensor(signal = "KILL") {
        await guest.bash(
          `pid=$(cat ${sensorFiles.pid}); kill -${signal} $pid; while [[ -e /proc/$pid ]]; do sleep 0.1; done`,
        );
      },
      [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
    };
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}
