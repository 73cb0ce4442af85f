// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { ControlPlane } from "../control-plane.ts";
import { createNamespace } from "../lib/cluster-objects.ts";
import { clusterTool } from "../lib/cluster-tools.ts";
import { type Daemon, startDaemon } from "../lib/daemon.ts";
import { freePorts } from "../lib/free-ports.ts";
import { installDefinitions } from "../lib/operator-process.ts";

export const argoNamespace = "argocd";
/** What scripts/setup argocd has made: programs, Argo CD's own manifests, redis. */
const folder = join(dirname(clusterTool("argocd")), "..");

export type Application = {
  readonly status?: {
    readonly sync?: { readonly status?: string; readonly revision?: string };
    readonly health?: { readonly status?: string; readonly message?: string };
    readonly resources?: readonly ApplicationResource[];
    readonly operationState?: {
      readonly phase?: string;
      readonly message?: string;
      readonly syncResult?: {
        readonly resources?: readonly { readonly name: string; readonly message?: string }[];
      };
    };
  };
};

export type ApplicationResource = {
  readonly kind: string;
  readonly name: string;
  readonly status?: string;
  readonly health?: { readonly status?: string; readonly message?: string };
};

/** A node of the tree that Argo CD's user interface shows. */
export type TreeNode = {
  readonly kind: string;
  readonly name: string;
  readonly parentRefs?: readonly { readonly kind: string; readonly name: string }[];
};

/** Argo CD's application controller and repo server, as processes beside a control plane. */
export class ArgoCd implements AsyncDisposable {
  readonly #cluster: ControlPlane;
  readonly #daemons: Daemon[] = [];
  readonly #redisPort: number;

  private constructor(cluster: ControlPlane, redisPort: number) {
    this.#cluster = cluster;
    this.#redisPort = redisPort;
  }

  /** Resolves when it runs, with our part of its ConfigMap. `argocdCm`: path of that. */
  static async start(cluster: ControlPlane, argocdCm: string): Promise<ArgoCd> {
    const [redis = 0, repoServer = 0, repoMetrics = 0, metrics = 0] = await freePorts(4);
    const argo = new ArgoCd(cluster, redis);
    await argo.#install(argocdCm);
    const home = join(cluster.directory, "argocd");
    for (const name of ["tls", "ssh", "home", "tmp", "bin"])
      mkdirSync(join(home, name), { recursive: true });
    // One program whose name says what it does; it looks for others by PATH.
    const roles = ["argocd", "argocd-repo-server", "argocd-application-controller"];
    for (const role of roles) symlinkSync(clusterTool("argocd"), join(home, "bin", role));
    for (const tool of ["helm", "kustomize"] as const)
      symlinkSync(clusterTool(tool), join(home, "bin", tool));
    for (const script of globSync(join(folder, "hack/*.sh")))
      copyFileSync(script, join(home, "bin", script.slice(script.lastIndexOf("/") + 1)));
    const run = (name: string, program: string, args: readonly string[]) => {
      const settings = {
        ...{ PATH: `${join(home, "bin")}:${process.env.PATH}`, KUBECONFIG: cluster.kubeconfig },
        ...{ HOME: join(home, "home"), TMPDIR: join(home, "tmp"), ARGOCD_GPG_ENABLED: "false" },
        ARGOCD_TLS_DATA_PATH: join(home, "tls"),
        ARGOCD_SSH_DATA_PATH: join(home, "ssh"),
        // https://kubernetes.default.svc is the cluster of KUBECONFIG.
        ARGOCD_FAKE_IN_CLUSTER: "true",
      };
      const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
      const logFile = join(cluster.directory, `${name}.log`);
      argo.#daemons.push(
        startDaemon({ name, program: "env", args: [...words, program, ...args], logFile }),
      );
    };
    const [program = "", ...library] = redisProgram("redis-server");
    const noFiles = ["--save", "", "--appendonly", "no", "--dir", join(home, "tmp")];
    run("redis", program, [
      ...[...library, "--bind", "127.0.0.1", "--port", String(redis)],
      ...noFiles,
    ]);
    run("repo-server", join(home, "bin/argocd-repo-server"), [
      ...["--address=127.0.0.1", `--port=${repoServer}`, `--redis=127.0.0.1:${redis}`],
      ...["--metrics-address=127.0.0.1", `--metrics-port=${repoMetrics}`, "--logformat=text"],
      ...["--disable-tls", "--client-ca-path=", "--revision-cache-expiration=2s"],
    ]);
    run("application-controller", join(home, "bin/argocd-application-controller"), [
      ...[`--kubeconfig=${cluster.kubeconfig}`, `--namespace=${argoNamespace}`],
      ...[`--repo-server=127.0.0.1:${repoServer}`, "--repo-server-plaintext"],
      ...[`--redis=127.0.0.1:${redis}`, `--metrics-port=${metrics}`, "--logformat=text"],
      // How often it looks into Git; without a webhook of the repository it is 120.
      ...["--app-resync=5", "--app-resync-jitter=0", "--persist-resource-health"],
    ]);
    return argo;
  }

  async application(name: string): Promise<Application> {
    const { stdout } = await this.#cluster.kubectl([
      ...["get", "application", name, `--namespace=${argoNamespace}`, "--ignore-not-found"],
      "--output=json",
    ]);
    return stdout === "" ? {} : JSON.parse(stdout);
  }

  /** What the user interface shows below an Application. */
  tree(name: string): readonly TreeNode[] {
    const redis = (...args: readonly string[]) => {
      const [program = "", ...library] = redisProgram("redis-cli");
      const words = [...library, "-p", String(this.#redisPort), "--raw", ...args];
      return execFileSync(program, words, { maxBuffer: 2 ** 26 });
    };
    const keys = redis("keys", `app|resources-tree|${name}|*`).toString().trim().split("\n");
    const key = keys.find((one) => !one.includes("shard"));
    if (key === undefined || key === "") return [];
    const value = redis("get", key);
    return JSON.parse(gunzipSync(value.subarray(0, value.length - 1)).toString()).nodes ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop({ signal: "SIGKILL" })));
  }

  async #install(argocdCm: string): Promise<void> {
    const cluster = this.#cluster;
    const inNamespace = `--namespace=${argoNamespace}`;
    await createNamespace(cluster.client, argoNamespace);
    await installDefinitions(cluster, ["--server-side", "--filename", join(folder, "crds")]);
    await cluster.kubectl(["apply", inNamespace, "--filename", join(folder, "config")]);
    const labels = {
      "app.kubernetes.io/part-of": "argocd",
      "app.kubernetes.io/name": "argocd-secret",
    };
    const secret = {
      ...{ apiVersion: "v1", kind: "Secret" },
      metadata: { name: "argocd-secret", namespace: argoNamespace, labels },
      stringData: { "server.secretkey": "only for this test", "admin.password": "x" },
    };
    const project = {
      ...{ apiVersion: "argoproj.io/v1alpha1", kind: "AppProject" },
      metadata: { name: "default", namespace: argoNamespace },
      spec: {
        sourceRepos: ["*"],
        destinations: [{ server: "*", namespace: "*" }],
        clusterResourceWhitelist: [{ group: "*", kind: "*" }],
      },
    };
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: [secret, project] });
    await cluster.kubectl(["apply", "--filename=-"], { input });
    // As docs/gitops.md says.
    const patch = ["patch", "configmap", "argocd-cm", `--patch-file=${argocdCm}`];
    await cluster.kubectl([inNamespace, ...patch]);
  }
}

/** Debian's, run with the libraries it came with: this machine needs none of its packages. */
function redisProgram(name: string): readonly string[] {
  const root = join(folder, "redis");
  const libraries = ["lib", "usr/lib"].map((part) => join(root, part, "x86_64-linux-gnu"));
  return [
    join(root, "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
    ...["--argv0", name, "--library-path", libraries.join(":")],
    join(root, "usr/bin", name),
  ];
}

/** A manifest of the example with the address of a repository of ours in it. */
export function withRepository(file: string, url: string): string {
  return readFileSync(file, "utf8").replace(/repoURL: .*/g, `repoURL: ${url}`);
}
