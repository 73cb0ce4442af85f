// SPDX-License-Identifier: Apache-2.0
import { KubectlError } from "../lib/kubectl.ts";
import { busyboxImage } from "./images.ts";
import type { RealCluster } from "./real-cluster.ts";

export type CommandOutput = {
  /** 128 and more: ended by a signal; 137 is SIGKILL. */
  readonly status: number;
  readonly stdout: string;
};

/** Writes that a process in a pod tries one after the other, each in a process of its own. */
export type Attack = {
  readonly node: string;
  /** Resolves when the first write was tried. */
  readonly running: Promise<void>;
  stop(): Promise<{ readonly tried: number; readonly landed: number }>;
};

/** Of the pods that a person may know from elsewhere. */
const names = ["xwing", "deathstar"] as const;
const attackTimeoutMs = 1_800_000;

/** An ordinary pod on each node, with a shell. */
export class TestPods {
  readonly #cluster: RealCluster;
  readonly #podOf: ReadonlyMap<string, string>;
  readonly #originals = new Map<string, string>();

  private constructor(cluster: RealCluster, podOf: ReadonlyMap<string, string>) {
    this.#cluster = cluster;
    this.#podOf = podOf;
  }

  /** Resolves when they are ready. */
  static async create(cluster: RealCluster): Promise<TestPods> {
    const podOf = new Map(
      cluster.nodes.map((node, index) => [node, names[index] ?? `pod-${index}`]),
    );
    const items = [...podOf].map(([node, name]) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels: { class: name } },
      spec: {
        nodeName: node,
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "main", image: busyboxImage, command: ["sleep", "infinity"] }],
      },
    }));
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await cluster.kubectl(["apply", "--filename=-"], { input });
    const waited = ["wait", "--for=condition=Ready", "--timeout=300s"];
    const timeoutMs = 330_000;
    await cluster.kubectl([...waited, ...items.map((one) => `pod/${one.metadata.name}`)], {
      timeoutMs,
    });
    return new TestPods(cluster, podOf);
  }

  /** A script for its shell, on that node. Resolves for any exit status. */
  async run(node: string, script: string, timeoutMs = 120_000): Promise<CommandOutput> {
    const args = ["exec", this.nameOn(node), "--", "sh", "-c", script];
    try {
      return { status: 0, stdout: (await this.#cluster.kubectl(args, { timeoutMs })).stdout };
    } catch (error) {
      if (!(error instanceof KubectlError)) throw error;
      // Its own failures end with 1, too, and say so differently.
      const isCommands = /command terminated with exit code/.test(error.stderr);
      if (!isCommands) throw error;
      return { status: error.status, stdout: error.stdout };
    }
  }

  /** Empty if there is no such file. */
  async contentOf(node: string, file: string): Promise<string> {
    return (await this.run(node, `cat ${file} 2> /dev/null || true`)).stdout;
  }

  /** Keeps the file's content on each node for `original`. */
  async remember(file: string): Promise<void> {
    for (const node of this.#podOf.keys())
      this.#originals.set(`${node}:${file}`, await this.contentOf(node, file));
  }

  original(node: string, file: string): string {
    const content = this.#originals.get(`${node}:${file}`);
    if (content === undefined) throw new Error(`${file} of ${node} was not remembered`);
    return content;
  }

  attack(node: string, file: string): Attack {
    const script = `
      tried=0; landed=0; rm -f /tmp/stop
      while [ ! -e /tmp/stop ]; do
        (echo foo >> ${file}) && landed=$((landed + 1))
        tried=$((tried + 1)); echo $tried > /tmp/tried
      done 2> /dev/null
      echo $tried $landed`;
    const ended = this.run(node, script, attackTimeoutMs);
    ended.catch(() => undefined);
    const first = async () => {
      while ((await this.contentOf(node, "/tmp/tried")) === "");
    };
    return {
      node,
      running: Promise.race([first(), ended.then(failEarly)]),
      stop: async () => {
        await this.run(node, "touch /tmp/stop");
        const { stdout } = await ended;
        const [tried = Number.NaN, landed = Number.NaN] = stdout.trim().split(" ").map(Number);
        return { tried, landed };
      },
    };
  }

  nameOn(node: string): string {
    const pod = this.#podOf.get(node);
    if (pod === undefined) throw new Error(`${node} has no pod`);
    return pod;
  }
}

function failEarly({ status, stdout }: CommandOutput): never {
  throw new Error(`The attack ended by itself with ${status}: ${stdout}`);
}
