// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlPlane } from "../control-plane.ts";
import { startDaemon } from "./daemon.ts";
import { until } from "./until.ts";

const root = join(import.meta.dirname, "../../..");
export const operatorNamespace = "gander-system";

export type OperatorProcessOptions = {
  /** Identifies the replica in the Lease and in its log. */
  readonly name: string;
  /** An administrator's if absent. */
  readonly kubeconfig?: string;
  /** In addition to its own: any free ports, a short Lease, a certificate for 127.0.0.1. */
  readonly flags?: readonly string[];
};

export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

/** `gander-operator` in a process of its own, on 127.0.0.1. */
export type OperatorProcess = {
  /** Available once it has reported that it serves; throws before. */
  readonly sensorPort: number;
  /** `http://…` for /healthz and /readyz. */
  readonly health: string;
  readonly pid: number;
  /** HOST:PORT for people and other replicas; the certificate is for gander-operator.NAMESPACE.svc. */
  readonly apiAddress: string;
  /** All lines that it has logged. */
  log(): readonly LogLine[];
  /** What it has written besides: warnings of Node, stacks. */
  otherOutput(): readonly string[];
  /** Resolves when it serves sensors. */
  whenServing(timeoutMs?: number): Promise<void>;
  /** How it ended; undefined while it runs. */
  readonly ending: string | undefined;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
};

let started = 0;

/** The Lease names the address before anything listens there: so the system can't choose its port. */
function addressOfItsOwn(): string {
  const { pid } = process;
  return `127.${128 + ((pid >> 8) & 127)}.${pid & 255}.${1 + (started % 250)}:8444`;
}

/** Starts a replica without waiting. Stop it before the control plane. */
export function startOperator(
  cluster: ControlPlane,
  { name, kubeconfig = cluster.kubeconfig, flags = [] }: OperatorProcessOptions,
): OperatorProcess {
  const logFile = join(cluster.directory, `${name}.${started++}.log`);
  const ports = ["sensor", "webhook", "metrics"].map((one) => `--${one}-address=127.0.0.1:0`);
  const apiAddress = addressOfItsOwn();
  const daemon = startDaemon({
    name: `operator ${name}`,
    program: process.execPath,
    args: [
      join(root, "packages/operator/src/main.ts"),
      `--kubeconfig=${kubeconfig}`,
      `--namespace=${operatorNamespace}`,
      `--pod-name=${name}`,
      "--lease-duration=3s",
      "--tls-san=127.0.0.1,localhost",
      ...ports,
      `--api-address=${apiAddress}`,
      `--advertise-address=${apiAddress}`,
      ...flags,
    ],
    logFile,
  });
  const lines = () => readFileSync(logFile, "utf8").split("\n");
  const log = () =>
    lines()
      .filter((line) => line.startsWith("{"))
      .map((line): LogLine => JSON.parse(line));
  const told = () => log().find(({ message }) => message === "Operator serves");
  const portOf = (what: string): number => {
    const address = told()?.[what] as { readonly port: number } | undefined;
    if (address === undefined) throw new Error(`The operator ${name} doesn't serve yet`);
    return address.port;
  };
  return {
    get sensorPort() {
      return portOf("sensors");
    },
    get health() {
      return `http://127.0.0.1:${portOf("health")}`;
    },
    pid: daemon.pid,
    apiAddress,
    log,
    otherOutput: () => lines().filter((line) => line !== "" && !line.startsWith("{")),
    whenServing: (timeoutMs = 60_000) =>
      daemon.whenReady(async () => told() !== undefined, timeoutMs),
    get ending() {
      return daemon.ending;
    },
    stop: (signal = "SIGTERM") => daemon.stop({ signal, graceMs: 15_000 }),
  };
}

/** PEM of the authorities of the operator's certificate, once an operator has published it. */
export function operatorAuthorities(cluster: ControlPlane): Promise<string> {
  return until("the operator has published its authorities", async () => {
    const { stdout } = await cluster.kubectl([
      ...["get", "configmap/gander-operator-ca", `--namespace=${operatorNamespace}`],
      ...["--ignore-not-found", "--output=jsonpath={.data.ca\\.crt}"],
    ]);
    return stdout !== "" && stdout;
  });
}

/** Installs our CRDs as a person does. */
export async function installCrds(cluster: ControlPlane): Promise<void> {
  await installDefinitions(cluster, ["--filename", join(root, "charts/gander-crds/generated")]);
}

/** Resolves when their kinds can be used. `files`: of `kubectl apply`. */
export async function installDefinitions(
  cluster: ControlPlane,
  files: readonly string[],
): Promise<void> {
  await cluster.kubectl(["apply", ...files]);
  const waits = ["wait", "--for=condition=Established", "--timeout=60s"];
  const named = files.filter((word) => word !== "--server-side");
  // Of a definition without any condition yet kubectl says that it can't be read.
  await until("the definitions can be used", () =>
    cluster.kubectl([...waits, ...named]).catch(() => undefined),
  );
}
