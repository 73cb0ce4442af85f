// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { clusterTool } from "../lib/cluster-tools.ts";
import { until } from "../lib/until.ts";
import type { RealCluster } from "./real-cluster.ts";
import type { TestPods } from "./test-pods.ts";

const gander = join(import.meta.dirname, "../../../packages/cli/src/main.ts");
const viewer = "gander-test-viewer";

/** Lines of `gander events --operator …`, as somebody sees them who has no more rights than docs/fleet.md names. */
export class ClusterEvents implements AsyncDisposable {
  /** All so far, oldest first. */
  readonly lines: string[] = [];
  readonly #processes: readonly ChildProcess[];
  #complaints = "";

  private constructor(events: ChildProcess, portForward: ChildProcess) {
    this.#processes = [events, portForward];
    if (events.stdout !== null)
      createInterface({ input: events.stdout }).on("line", (line) => this.lines.push(line));
    events.stderr?.on("data", (text) => {
      this.#complaints += text;
    });
  }

  /** Resolves when events of processes on all nodes arrive. `args`: such as -o compact. */
  static async open(
    cluster: RealCluster,
    { pods, namespace, args }: { pods: TestPods; namespace: string; args: readonly string[] },
  ): Promise<ClusterEvents> {
    const token = await viewerToken(cluster);
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, GANDER_TOKEN: token };
    const portForward = spawn(
      clusterTool("kubectl"),
      ["port-forward", `--namespace=${namespace}`, "service/gander-operator", ":8444"],
      { env, stdio: ["ignore", "pipe", "inherit"] },
    );
    const [first] = await once(createInterface({ input: portForward.stdout }), "line");
    const port = /127\.0\.0\.1:(\d+)/.exec(first)?.[1];
    const command = ["events", `--operator=127.0.0.1:${port}`, "--timeout=120s", ...args];
    const events = spawn(process.execPath, [gander, ...command], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const opened = new ClusterEvents(events, portForward);
    for (const node of cluster.nodes) await opened.#whenSeen(pods, node);
    return opened;
  }

  /** The first line that matches and is not older than `from` (an earlier `lines.length`). Throws after two minutes. */
  line(pattern: RegExp, from = 0): Promise<string> {
    return until(
      `a line matches ${pattern}`,
      async () => this.lines.slice(from).find((line) => pattern.test(line)),
      { seen: () => [...this.lines.slice(from).slice(-20), this.#complaints].join("\n") },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
  }

  async #whenSeen(pods: TestPods, node: string): Promise<void> {
    const name = `are-you-watching-${node}`;
    await until(
      `events of ${node} arrive`,
      async () => {
        await pods.run(node, `/bin/true ${name}`);
        return this.lines.some((line) => line.includes(name));
      },
      { seen: () => this.#complaints },
    );
  }
}

/** Of a service account that may see events and statuses, and nothing else of Gander. */
async function viewerToken(cluster: RealCluster): Promise<string> {
  const binding = (role: string) => ({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: `${viewer}-${role}` },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
    subjects: [{ kind: "ServiceAccount", name: viewer, namespace: "default" }],
  });
  const account = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: viewer, namespace: "default" },
  };
  const items = [account, binding("gander-view"), binding("gander-events")];
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  await cluster.kubectl(["apply", "--filename=-"], { input });
  const { stdout } = await cluster.kubectl([
    ...["create", "token", viewer, "--namespace=default", "--audience=gander-operator"],
  ]);
  return stdout.trim();
}
