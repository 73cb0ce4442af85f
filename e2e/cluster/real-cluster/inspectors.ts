// SPDX-License-Identifier: Apache-2.0
import { busyboxImage } from "./images.ts";
import type { RealCluster } from "./real-cluster.ts";

/** A privileged pod on each node, which sees the node's files: on any cluster, unlike a shell on the node. */
export class Inspectors {
  readonly #cluster: RealCluster;

  private constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  /** Resolves when they are ready. */
  static async create(cluster: RealCluster): Promise<Inspectors> {
    const items = cluster.nodes.map((node) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: nameOn(node) },
      spec: {
        nodeName: node,
        hostPID: true,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: "main",
            image: busyboxImage,
            command: ["sleep", "infinity"],
            securityContext: { privileged: true },
            volumeMounts: [{ name: "bpf", mountPath: "/node/bpf" }],
          },
        ],
        volumes: [{ name: "bpf", hostPath: { path: "/sys/fs/bpf", type: "Directory" } }],
      },
    }));
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await cluster.kubectl(["apply", "--filename=-"], { input });
    const waited = ["wait", "--for=condition=Ready", "--timeout=300s"];
    await cluster.kubectl([...waited, ...cluster.nodes.map((node) => `pod/${nameOn(node)}`)], {
      timeoutMs: 330_000,
    });
    return new Inspectors(cluster);
  }

  /** Paths of pins below the node's /sys/fs/bpf, sorted: what lives on in the kernel without a process. */
  async pins(node: string): Promise<string[]> {
    const find = ["find", "/node/bpf", "-type", "f"];
    const { stdout } = await this.#cluster.kubectl(["exec", nameOn(node), "--", ...find]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  }
}

const nameOn = (node: string) => `inspector-${node}`;
