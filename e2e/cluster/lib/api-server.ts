// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { request } from "node:https";
import type { CertificateFiles } from "./certificates.ts";
import { clusterTool } from "./cluster-tools.ts";
import { type Daemon, startDaemon } from "./daemon.ts";

export type ApiServerOptions = {
  readonly directory: string;
  readonly port: number;
  readonly etcdUrl: string;
  readonly caFile: string;
  readonly serving: CertificateFiles;
  /** Of a member of system:masters; used to check readiness. */
  readonly admin: CertificateFiles;
  readonly signingKey: { readonly publicFile: string; readonly privateFile: string };
  /** They follow the flags set here, and so override them. */
  readonly flags: readonly string[];
  /** A process whose network namespace it runs in. `port` of this machine's 127.0.0.1 leads there. */
  readonly networkOf?: number;
};

/** For an API server without controllers, kubelets and a network of its own. */
export const aloneFlags = [
  "--bind-address=127.0.0.1",
  "--authorization-mode=RBAC",
  "--service-cluster-ip-range=10.96.0.0/16",
  // Pods need neither the account "default" nor its CA, which controllers would create.
  "--disable-admission-plugins=ServiceAccount",
  // Nothing routes the service "kubernetes", and a loopback address is refused there.
  "--endpoint-reconciler-type=none",
];

/** Resolves when /readyz succeeds. Its log is `kube-apiserver.log` in `directory`. */
export async function startApiServer(options: ApiServerOptions): Promise<Daemon> {
  const { directory, port, admin, caFile, networkOf } = options;
  const daemon = startDaemon({
    name: "kube-apiserver",
    program: clusterTool("kube-apiserver"),
    logFile: `${directory}/kube-apiserver.log`,
    args: [...ownFlags(options), ...options.flags],
    ...(networkOf === undefined ? {} : { networkOf }),
  });
  const tls = {
    ca: readFileSync(caFile),
    cert: readFileSync(admin.certFile),
    key: readFileSync(admin.keyFile),
  };
  try {
    await daemon.whenReady(
      async () => (await statusOf(`https://127.0.0.1:${port}/readyz`, tls)) === 200,
      180_000,
    );
  } catch (error) {
    await daemon.stop({ signal: "SIGKILL" });
    throw error;
  }
  return daemon;
}

function ownFlags(options: ApiServerOptions): string[] {
  const { directory, port, etcdUrl, caFile, serving, signingKey } = options;
  return [
    `--secure-port=${port}`,
    `--etcd-servers=${etcdUrl}`,
    `--cert-dir=${directory}/certificates`,
    `--tls-cert-file=${serving.certFile}`,
    `--tls-private-key-file=${serving.keyFile}`,
    `--client-ca-file=${caFile}`,
    `--service-account-key-file=${signingKey.publicFile}`,
    `--service-account-signing-key-file=${signingKey.privateFile}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    "--allow-privileged=true",
  ];
}

function statusOf(
  url: string,
  tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...tls, agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject);
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.end();
  });
}
