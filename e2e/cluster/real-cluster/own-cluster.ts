// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startApiServer } from "../lib/api-server.ts";
import {
  type Authority,
  type CertificateFiles,
  createAuthority,
  createSigningKey,
} from "../lib/certificates.ts";
import { type ClusterTool, clusterTool } from "../lib/cluster-tools.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../lib/daemon.ts";
import { etcdFlags } from "../lib/etcd.ts";
import { freePorts } from "../lib/free-ports.ts";
import { writeKubeconfig } from "../lib/kubeconfig.ts";
import { apiServiceAddress, gatewayAddress, serviceRange } from "./addresses.ts";
import { type NodeSpec, prepareNodes, startNode } from "./cluster-node.ts";
import { createForwarder } from "./forward.ts";
import type { GatewayOptions } from "./gateway.ts";
import { imageArchives } from "./images.ts";

export type OwnClusterOptions = {
  readonly nodes: readonly NodeSpec[];
  /** Of all its files. */
  readonly directory: string;
  readonly onStep: (step: string) => void;
};

/** In the network of the cluster; not used by anything else there. */
const etcdPorts = [2379, 2380] as const;

/**
 * Starts a cluster in a network namespace of its own, except that `parts` get what ends it. Resolves
 * when the control plane runs and the nodes boot. All its processes end with this process, too.
 * @returns the path of an administrator's kubeconfig
 */
export async function startOwnCluster(
  parts: AsyncDisposableStack,
  options: OwnClusterOptions,
): Promise<string> {
  const { nodes, directory, onStep } = options;
  if (process.getuid?.() !== 0)
    throw new Error("A cluster needs root, for its network and the nodes' images");
  const kernels = [...new Set(nodes.map(({ kernel }) => kernel))];
  const bootFiles = await prepareNodes(await imageArchives(), kernels);
  onStep("the nodes' disks are built");

  const certificates = join(directory, "certificates");
  const authority = createAuthority(certificates, [gatewayAddress, apiServiceAddress]);
  const admin = authority.issue("admin", { commonName: "admin", organization: "system:masters" });
  const proxy = authority.issue("kube-proxy", { commonName: "system:kube-proxy" });
  const [apiPort = 0] = await freePorts(1);
  const kubeconfig = kubeconfigFor({ directory, authority, apiPort }, "admin", admin);

  const network = await startNetwork(parts, directory, {
    nodes: nodes.length,
    apiPort,
    kubeconfig,
    socket: join(directory, "api.socket"),
  });
  const within = { parts, directory, networkOf: network.pid };
  runWithin(within, "etcd", etcdFlags(join(directory, "etcd"), ...etcdPorts));
  for (const [index, node] of nodes.entries()) {
    const its = { ...node, index, directory: join(directory, node.name) };
    const daemon = startNode({
      ...its,
      bootFiles,
      authority,
      proxy,
      apiPort,
      networkOf: network.pid,
    });
    parts.defer(() => daemon.stop({ signal: "SIGKILL" }));
  }
  onStep("certificates are signed, etcd and the nodes start");

  const signingKey = createSigningKey(certificates);
  const apiServer = await startApiServer({
    directory,
    port: apiPort,
    etcdUrl: `http://127.0.0.1:${etcdPorts[0]}`,
    caFile: authority.certFile,
    serving: authority.issue("serving", { commonName: "kube-apiserver" }),
    admin,
    signingKey,
    networkOf: network.pid,
    flags: apiServerFlags(
      authority.issue("kubelet-client", {
        commonName: "kube-apiserver-kubelet-client",
        organization: "system:masters",
      }),
    ),
  });
  parts.defer(() => apiServer.stop({ signal: "SIGKILL" }));
  onStep("the API server is ready");
  startControllers(within, { directory, authority, apiPort }, signingKey.privateFile);
  return kubeconfig;
}

type Within = {
  readonly parts: AsyncDisposableStack;
  readonly directory: string;
  readonly networkOf: number;
};

function runWithin(within: Within, tool: ClusterTool, args: readonly string[]): void {
  const { parts, directory, networkOf } = within;
  const logFile = join(directory, `${tool}.log`);
  const daemon = startDaemon({ name: tool, program: clusterTool(tool), args, logFile, networkOf });
  parts.defer(() => daemon.stop({ signal: "SIGKILL" }));
}

/** The process whose network namespace is the cluster's; the API server's port of this machine leads there. */
async function startNetwork(
  parts: AsyncDisposableStack,
  directory: string,
  options: GatewayOptions,
): Promise<Daemon> {
  const gateway: DaemonOptions = {
    name: "gateway",
    program: "unshare",
    args: [
      ...["--net", "--", process.execPath, join(import.meta.dirname, "gateway.ts")],
      JSON.stringify(options),
    ],
    logFile: join(directory, "gateway.log"),
  };
  const daemon = startDaemon(gateway);
  parts.defer(() => daemon.stop({ signal: "SIGKILL" }));
  await daemon.whenReady(async () => existsSync(options.socket), 60_000);
  const link = createForwarder({ path: options.socket });
  link.listen(options.apiPort, "127.0.0.1");
  parts.defer(() => void link.close());
  return daemon;
}

function apiServerFlags(kubeletClient: CertificateFiles): string[] {
  return [
    "--bind-address=0.0.0.0",
    `--advertise-address=${gatewayAddress}`,
    `--service-cluster-ip-range=${serviceRange}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    `--kubelet-client-certificate=${kubeletClient.certFile}`,
    `--kubelet-client-key=${kubeletClient.keyFile}`,
    "--kubelet-preferred-address-types=InternalIP",
    // Webhooks are called at their pods: no kube-proxy runs on this machine.
    "--enable-aggregator-routing=true",
  ];
}

type Access = {
  readonly directory: string;
  readonly authority: Authority;
  readonly apiPort: number;
};

function startControllers(within: Within, access: Access, signingKeyFile: string): void {
  const { certFile, keyFile } = access.authority;
  const kubeconfigOf = (name: string) =>
    kubeconfigFor(access, name, access.authority.issue(name, { commonName: `system:${name}` }));
  runWithin(within, "kube-controller-manager", [
    `--kubeconfig=${kubeconfigOf("kube-controller-manager")}`,
    `--root-ca-file=${certFile}`,
    `--service-account-private-key-file=${signingKeyFile}`,
    `--cluster-signing-cert-file=${certFile}`,
    `--cluster-signing-key-file=${keyFile}`,
    "--use-service-account-credentials=true",
    "--leader-elect=false",
    // Each node's addresses of pods are in its settings.
    "--allocate-node-cidrs=false",
    // An emulated node on a busy machine may be late.
    "--node-monitor-grace-period=180s",
  ]);
  runWithin(within, "kube-scheduler", [
    `--kubeconfig=${kubeconfigOf("kube-scheduler")}`,
    "--leader-elect=false",
  ]);
}

function kubeconfigFor(access: Access, name: string, user: CertificateFiles): string {
  return writeKubeconfig(join(access.directory, `${name}.kubeconfig`), {
    server: `https://127.0.0.1:${access.apiPort}`,
    caFile: access.authority.certFile,
    user: { "client-certificate": user.certFile, "client-key": user.keyFile },
  });
}
