// SPDX-License-Identifier: Apache-2.0
import { type ControlPlane, startControlPlane } from "../control-plane.ts";
import { createNamespace, createServiceAccount } from "./cluster-objects.ts";
import type { KubectlOutput } from "./kubectl.ts";
import { createNetworkLink, type NetworkLink } from "./network-link.ts";
import {
  installCrds,
  type OperatorProcess,
  operatorAuthorities,
  operatorNamespace,
  startOperator,
} from "./operator-process.ts";
import { type SensorNode, startSensorNode } from "./sensor-node.ts";
import { until } from "./until.ts";

/** A real control plane, replicas of the operator, and nodes with real kernels and sensors. */
export type RealFleet = AsyncDisposable & {
  readonly cluster: ControlPlane;
  /** The link from all replicas to the API server. */
  readonly apiLink: NetworkLink;
  readonly replicas: Map<string, OperatorProcess>;
  readonly nodes: readonly SensorNode[];
  startReplica(name: string): Promise<OperatorProcess>;
  /** The replica that writes: the name in the Lease. */
  leader(): Promise<string>;
  kubectl(...args: string[]): Promise<KubectlOutput>;
  apply(object: string): Promise<KubectlOutput>;
  /** Resolves when the cluster-wide policy's condition Ready is true for its newest generation. */
  ready(policy: string): Promise<void>;
  policyStatus(name: string): Promise<PolicyStatusObject | undefined>;
};

/** The fields that tests read. */
export type PolicyStatusObject = {
  readonly status: {
    readonly enforced?: number;
    readonly lost?: number;
    readonly nodes?: { readonly total?: number; readonly ready?: number };
    readonly worstNodes?: readonly { readonly name: string; readonly state: string }[];
  };
};

export type RealFleetOptions = {
  /** Node name → kernel. */
  readonly kernels: Readonly<Record<string, string>>;
  readonly replicas: readonly string[];
};

/** Resolves when all sensors have reported that they are ready. */
export async function startRealFleet({ kernels, replicas }: RealFleetOptions): Promise<RealFleet> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startControlPlane());
  await installCrds(cluster);
  await createNamespace(cluster.client, operatorNamespace);
  await createServiceAccount(cluster.client, operatorNamespace, "gander-sensor");
  const apiLink = stack.use(await createNetworkLink(() => [cluster.port]));
  const kubeconfig = cluster.kubeconfigVia(apiLink.url);
  const running = new Map<string, OperatorProcess>();
  const serving = new WeakSet<OperatorProcess>();
  stack.defer(async () => {
    await Promise.all([...running.values()].map((replica) => replica.stop("SIGKILL")));
  });
  const startReplica = async (name: string) => {
    const replica = startOperator(cluster, {
      ...{ name, kubeconfig },
      // The API server calls the replica that holds the Lease.
      flags: ["--webhook-url=https://127.0.0.1:0"],
    });
    running.set(name, replica);
    await replica.whenServing(120_000);
    serving.add(replica);
    return replica;
  };
  await Promise.all(replicas.map(startReplica));
  const authorities = await operatorAuthorities(cluster);
  await until("policies are checked when they are written", async () => {
    const name = "validatingwebhookconfiguration/gander-policies";
    const { stdout } = await cluster.kubectl(["get", name, "--ignore-not-found", "-o", "name"]);
    return stdout !== "";
  });
  const ports = () =>
    [...running.values()].flatMap((replica) =>
      replica.ending === undefined && serving.has(replica) ? [replica.sensorPort] : [],
    );
  const nodes = await Promise.all(
    Object.entries(kernels).map(async ([name, kernel]) => {
      const link = stack.use(await createNetworkLink(ports));
      const options = { name, kernel, authorities, link };
      const node = stack.use(await startSensorNode(cluster, options));
      await node.startSensor();
      return node;
    }),
  );
  const parts = stack.move();
  return {
    cluster,
    apiLink,
    replicas: running,
    nodes,
    startReplica,
    kubectl: (...args) => cluster.kubectl(args),
    apply: (input) => cluster.kubectl(["apply", "-f", "-"], { input }),
    async ready(policy) {
      await cluster.kubectl([
        ...["wait", `tracingpolicy/${policy}`, "--for=condition=Ready", "--timeout=180s"],
      ]);
    },
    async policyStatus(name) {
      const { stdout } = await cluster.kubectl([
        ...["get", "policystatus", name, "--ignore-not-found", "-o", "json"],
      ]);
      return stdout === "" ? undefined : JSON.parse(stdout);
    },
    async leader() {
      const { stdout } = await cluster.kubectl([
        "get",
        "lease/gander-operator",
        `--namespace=${operatorNamespace}`,
        "--output=jsonpath={.spec.holderIdentity}",
      ]);
      return stdout.split("_")[0] ?? "";
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
