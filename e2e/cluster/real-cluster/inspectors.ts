// SPDX-License-Identifier: Apache-2.0
import { busyboxImage } from "./images.ts";
import type { RealCluster } from "./real-cluster.ts";

/** Each sorted. */
export type Traces = {
  /** Paths below /sys/fs/bpf. */
  readonly pins: readonly string[];
  /** Names of loaded programs, without those of process 1 and the like that were never compiled. */
  readonly programs: readonly string[];
  /** Paths of files in the folders of the chart. */
  readonly files: readonly string[];
};

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
            // A mount of the root would bring what is mounted below it only as a copy of this moment.
            volumeMounts: [
              { name: "root", mountPath: "/node", readOnly: true },
              { name: "bpf", mountPath: "/node-bpf" },
            ],
          },
        ],
        volumes: [
          { name: "root", hostPath: { path: "/", type: "Directory" } },
          { name: "bpf", hostPath: { path: "/sys/fs/bpf", type: "Directory" } },
        ],
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

  /** What lives in the kernel without a process, and what is on the disk, that only Gander can have brought. */
  async traces(node: string): Promise<Traces> {
    const find = (path: string) => `find ${path} -type f 2> /dev/null | sort`;
    const [pins, programs, files] = await Promise.all([
      this.#lines(node, find("/node-bpf")),
      // Compiled BPF programs are in the list of the kernel's functions.
      this.#lines(
        node,
        "sed -n 's/.* bpf_prog_[0-9a-f]*_\\([^\\t]*\\).*/\\1/p' /proc/kallsyms | sort",
      ),
      this.#lines(node, find("/node/var/lib/gander /node/run/gander /node/etc/gander")),
    ]);
    return { pins, programs, files };
  }

  /**
   * Runs a program in the first container of a pod of the node, as whoever has the node can: by its runtime,
   * and so that neither the API server nor the kubelet knows. Resolves when it has ended.
   */
  async intrude(node: string, pod: string, program: readonly string[]): Promise<void> {
    const { stdout } = await this.#cluster.kubectl([
      ...["get", "pod", pod, "--output=jsonpath={.status.containerStatuses[0].containerID}"],
    ]);
    const container = stdout.replace("containerd://", "");
    const runc = ["runc", "--root", "/run/containerd/runc/k8s.io", "exec", container, ...program];
    const name = `intruder-${node}`;
    const intruder = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name },
      spec: {
        nodeName: node,
        hostPID: true,
        restartPolicy: "Never",
        containers: [
          {
            name: "main",
            image: busyboxImage,
            command: ["nsenter", "-t", "1", "-m", "-p", "--", ...runc],
            securityContext: { privileged: true },
          },
        ],
      },
    };
    await this.#cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(intruder) });
    const ended = ["wait", `pod/${name}`, "--for=jsonpath={.status.phase}=Succeeded"];
    await this.#cluster.kubectl([...ended, "--timeout=300s"], { timeoutMs: 330_000 });
    await this.#cluster.kubectl(["delete", "pod", name]);
  }

  async #lines(node: string, script: string): Promise<string[]> {
    const command = ["exec", nameOn(node), "--", "sh", "-c", script];
    const { stdout } = await this.#cluster.kubectl(command);
    return stdout.split("\n").filter((line) => line !== "");
  }
}

const nameOn = (node: string) => `inspector-${node}`;
