// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKubeClient, type KubeClient, kubeconfigCredentials } from "@gander/kube";
import { aloneFlags, startApiServer } from "./lib/api-server.ts";
import { createAuthority, createSigningKey } from "./lib/certificates.ts";
import type { Daemon } from "./lib/daemon.ts";
import { type Etcd, startEtcd } from "./lib/etcd.ts";
import { freePorts } from "./lib/free-ports.ts";
import { writeKubeconfig } from "./lib/kubeconfig.ts";
import { type KubectlOutput, runKubectl } from "./lib/kubectl.ts";
import { requestToken, type TokenOptions } from "./lib/service-account-token.ts";

export type ControlPlaneOptions = {
  /** The directory of its files; by default a new one in the temporary directory. Removed at the end. */
  readonly directory?: string;
  /** More flags of kube-apiserver, e.g. `--watch-cache=false`; they override the flags set here. */
  readonly flags?: readonly string[];
};

/** A real etcd and kube-apiserver on 127.0.0.1, with RBAC. No controller, scheduler or kubelet runs. */
export type ControlPlane = AsyncDisposable & {
  readonly directory: string;
  /** `https://127.0.0.1:PORT`, while it runs. */
  readonly url: string;
  readonly port: number;
  /** PEM of the authority that signed the API server's certificate. */
  readonly ca: string;
  readonly caFile: string;
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** An administrator's client. */
  readonly client: KubeClient;
  /** Runs as administrator if no kubeconfig is given. Throws KubectlError with the full output. */
  kubectl(
    args: readonly string[],
    options?: { readonly input?: string; readonly kubeconfig?: string },
  ): Promise<KubectlOutput>;
  /** A service account's token; the account, and a Pod it is bound to, exist. */
  token(options: TokenOptions): Promise<string>;
  /** Path of a kubeconfig with a token of that service account, valid for a day; the account exists. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  /** Path of an administrator's kubeconfig for another address, such as a proxy's. */
  kubeconfigVia(url: string): string;
  /**
   * Sends SIGTERM if absent, and SIGKILL 5 s later: it would wait a minute for watches to end. SIGKILL
   * resets connections.
   */
  stopApiServer(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** On the same port, with the same data; resolves when it is ready. `flags` replace the previous ones. */
  startApiServer(flags?: readonly string[]): Promise<void>;
  /** etcd forgets all versions except the newest, as every five minutes in a cluster. */
  compactEtcd(): Promise<number>;
  /** Tests may stop or restore it; stop the API server first and start it again afterwards. */
  readonly etcd: Etcd;
};

/** Starts a control plane and waits until it is ready. Use `await using`, so that it ends with its scope. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "gander-control-plane-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const certificates = join(directory, "certificates");
  const authority = createAuthority(certificates);
  const admin = authority.issue("admin", { commonName: "admin", organization: "system:masters" });
  const serving = authority.issue("serving", { commonName: "kube-apiserver" });
  const signingKey = createSigningKey(certificates);
  const caFile = authority.certFile;

  const etcd = await startEtcd(directory);
  cleanup.defer(() => etcd.stop());
  const [port = 0] = await freePorts(1);
  const url = `https://127.0.0.1:${port}`;
  const fixed = { directory, port, etcdUrl: etcd.url, caFile, serving, admin, signingKey };
  let flags = options.flags ?? [];
  const start = () => startApiServer({ ...fixed, flags: [...aloneFlags, ...flags] });
  let apiServer: Daemon | undefined = await start();
  cleanup.defer(() => apiServer?.stop({ signal: "SIGKILL" }));

  const kubeconfigVia = (server: string) =>
    writeKubeconfig(join(directory, `admin.${new URL(server).port}.kubeconfig`), {
      server,
      caFile,
      user: { "client-certificate": admin.certFile, "client-key": admin.keyFile },
    });
  const kubeconfig = kubeconfigVia(url);
  const client = createKubeClient(await kubeconfigCredentials({ path: kubeconfig }));
  cleanup.defer(() => client.close());
  const token = (asked: TokenOptions) => requestToken(client, asked, signingKey.privateFile);
  const running = cleanup.move();

  return {
    directory,
    url,
    port,
    ca: readFileSync(caFile, "utf8"),
    caFile,
    kubeconfig,
    client,
    kubectl: (args, { input, kubeconfig: other = kubeconfig } = {}) =>
      runKubectl(args, { kubeconfig: other, ...(input === undefined ? {} : { input }) }),
    token,
    async serviceAccountKubeconfig(namespace, name) {
      const day = { serviceAccount: name, namespace, expirationSeconds: 86_400 };
      return writeKubeconfig(join(directory, `${namespace}.${name}.kubeconfig`), {
        server: url,
        caFile,
        namespace,
        user: { token: await token(day) },
      });
    },
    kubeconfigVia,
    async stopApiServer(signal = "SIGTERM") {
      await apiServer?.stop({ signal, graceMs: 5_000 });
      apiServer = undefined;
    },
    async startApiServer(newFlags) {
      if (apiServer !== undefined) throw new Error("The API server is running: stop it first");
      flags = newFlags ?? flags;
      apiServer = await start();
    },
    compactEtcd: () => etcd.compact(),
    etcd,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
