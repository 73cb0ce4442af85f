// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKubeClient, type KubeClient, kubeconfigCredentials } from "@gander/kube";
import { type KubectlOutput, runHelm, runKubectl } from "../lib/kubectl.ts";
import { until } from "../lib/until.ts";
import type { NodeSpec } from "./cluster-node.ts";
import { startOwnCluster } from "./own-cluster.ts";

export type RealClusterOptions = {
  /** Called with each step that is done, in a few words. */
  readonly onStep?: (step: string) => void;
};

export type ToolOptions = {
  /** Input for `-f -`. */
  readonly input?: string;
  /** 120,000 if absent: `kubectl exec` may wait for ever. */
  readonly timeoutMs?: number;
};

type Node = {
  readonly metadata: { readonly name: string };
  readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
};

const toolTimeoutMs = 120_000;
/** An emulated node on a busy machine, which may wait ten minutes for its place there. */
const readyTimeoutMs = 1_500_000;

/**
 * A cluster with nodes: one that is started for a test and gone with it, or the one that
 * GANDER_E2E_KUBECONFIG leads to.
 */
export class RealCluster implements AsyncDisposable {
  /** Path of an administrator's kubeconfig; it works on this machine. */
  readonly kubeconfig: string;
  /** Names of the nodes, all of them Ready when `start` had resolved. */
  readonly nodes: readonly string[];
  /** Of logs, such as node-612/kubelet.log; undefined if it is not our own cluster. */
  readonly directory: string | undefined;
  readonly client: KubeClient;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    found: Pick<RealCluster, "kubeconfig" | "nodes" | "directory" | "client">,
  ) {
    this.kubeconfig = found.kubeconfig;
    this.nodes = found.nodes;
    this.directory = found.directory;
    this.client = found.client;
    this.#parts = parts;
  }

  /** Resolves when all nodes are Ready. Another cluster is taken with the nodes that it has. */
  static async start(
    nodes: readonly NodeSpec[],
    { onStep = () => undefined }: RealClusterOptions = {},
  ): Promise<RealCluster> {
    await using parts = new AsyncDisposableStack();
    const other = process.env.GANDER_E2E_KUBECONFIG;
    let directory: string | undefined;
    let kubeconfig = other ?? "";
    if (other === undefined) {
      directory = mkdtempSync(join(tmpdir(), "gander-cluster-"));
      const made = directory;
      parts.defer(() => rm(made, { recursive: true, force: true }));
      kubeconfig = await startOwnCluster(parts, { nodes, directory, onStep });
    }
    const client = createKubeClient(await kubeconfigCredentials({ path: kubeconfig }));
    parts.defer(() => client.close());
    const names =
      other === undefined
        ? nodes.map(({ name }) => name)
        : (await readNodes(client)).map(({ metadata }) => metadata.name);
    await whenReady(client, names, onStep);
    return new RealCluster(parts.move(), { kubeconfig, nodes: names, directory, client });
  }

  /** As administrator. Throws KubectlError with the full output. */
  kubectl(args: readonly string[], options: ToolOptions = {}): Promise<KubectlOutput> {
    const { kubeconfig } = this;
    return runKubectl(args, { kubeconfig, timeoutMs: toolTimeoutMs, ...options });
  }

  /** As administrator. Throws KubectlError with the full output. */
  helm(args: readonly string[], options: ToolOptions = {}): Promise<KubectlOutput> {
    const { kubeconfig } = this;
    return runHelm(args, { kubeconfig, timeoutMs: readyTimeoutMs, ...options });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }
}

async function whenReady(
  client: KubeClient,
  names: readonly string[],
  onStep: (step: string) => void,
): Promise<void> {
  const registered = new Set<string>();
  const ready = new Set<string>();
  const report = (one: string, seen: Set<string>, state: string) => {
    if (seen.has(one)) return;
    seen.add(one);
    onStep(`node ${one} is ${state}`);
  };
  await until(
    "all nodes are Ready",
    async () => {
      for (const { metadata, status } of await readNodes(client)) {
        report(metadata.name, registered, "registered");
        if (status.conditions?.some((one) => one.type === "Ready" && one.status === "True"))
          report(metadata.name, ready, "Ready");
      }
      return names.every((name) => ready.has(name));
    },
    {
      timeoutMs: readyTimeoutMs,
      seen: () => `registered: ${[...registered]}, Ready: ${[...ready]}`,
    },
  );
}

async function readNodes(client: KubeClient): Promise<readonly Node[]> {
  const path = "/api/v1/nodes";
  return (await client.get<{ readonly items: readonly Node[] }>({ task: "list nodes", path }))
    .items;
}
