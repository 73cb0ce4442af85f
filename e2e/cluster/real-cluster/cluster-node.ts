// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Authority, CertificateFiles } from "../lib/certificates.ts";
import { type Daemon, startDaemon } from "../lib/daemon.ts";
import { writeKubeconfig } from "../lib/kubeconfig.ts";
import { runProgram } from "../lib/run-program.ts";
import { gatewayAddress, nodeAddress, nodeMac, nodeTap, podRange } from "./addresses.ts";

/** A name and the version of its kernel, such as 6.12. */
export type NodeSpec = { readonly name: string; readonly kernel: string };

/** Paths of what nodes boot from. */
export type BootFiles = {
  readonly root: string;
  readonly images: string;
  initramfs(kernel: string): string;
};

export type ClusterNodeOptions = NodeSpec & {
  readonly index: number;
  /** For its logs and settings; created here. */
  readonly directory: string;
  readonly bootFiles: BootFiles;
  readonly authority: Authority;
  /** The user of kube-proxy on all nodes. */
  readonly proxy: CertificateFiles;
  readonly apiPort: number;
  /** The process with the cluster's network. */
  readonly networkOf: number;
};

const scripts = join(import.meta.dirname, "node");
/** The node's copy of `directory/node`. */
const onNode = "/etc/kubernetes";

/** Builds what is not in the cache (the first time: a minute). `archives`: OCI archives of its images. */
export async function prepareNodes(
  archives: readonly string[],
  kernels: readonly string[],
): Promise<BootFiles> {
  const { status, stdout, stderr } = await runProgram(join(scripts, "prepare"), [
    ...archives,
    "--",
    ...kernels,
  ]);
  if (status !== 0) throw new Error(`Cannot prepare the nodes' disks: ${stderr}`);
  const paths = new Map(
    stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );
  const path = (name: string): string => {
    const found = paths.get(name);
    if (found === undefined) throw new Error(`prepare printed no path of ${name}: ${stdout}`);
    return found;
  };
  return {
    root: path("root"),
    images: path("images"),
    initramfs: (kernel) => path(`initramfs-${kernel}`),
  };
}

/** Starts the virtual machine without waiting for it; it registers itself with the API server. */
export function startNode(options: ClusterNodeOptions): Daemon {
  const { name, kernel, index, directory, bootFiles, networkOf } = options;
  mkdirSync(directory);
  writeSettings(join(directory, "node"), options);
  return startDaemon({
    name: `node ${name}`,
    program: join(scripts, "boot"),
    args: [
      ...[kernel, directory, nodeTap(index), nodeMac(index)],
      ...[bootFiles.root, bootFiles.images, bootFiles.initramfs(kernel)],
    ],
    logFile: join(directory, "qemu.log"),
    networkOf,
  });
}

function writeSettings(directory: string, options: ClusterNodeOptions): void {
  const { name, index, authority, proxy, apiPort } = options;
  mkdirSync(join(directory, "pki"), { recursive: true });
  const kubelet = authority.issue(name, {
    commonName: `system:node:${name}`,
    organization: "system:nodes",
  });
  copyFileSync(authority.certFile, join(directory, "pki/ca.crt"));
  for (const [user, files] of Object.entries({ kubelet, "kube-proxy": proxy })) {
    copyFileSync(files.certFile, join(directory, `pki/${user}.crt`));
    copyFileSync(files.keyFile, join(directory, `pki/${user}.key`));
    writeKubeconfig(join(directory, `${user}.kubeconfig`), {
      server: `https://${gatewayAddress}:${apiPort}`,
      caFile: `${onNode}/pki/ca.crt`,
      user: {
        "client-certificate": `${onNode}/pki/${user}.crt`,
        "client-key": `${onNode}/pki/${user}.key`,
      },
    });
  }
  const settings = {
    node_name: name,
    node_address: nodeAddress(index),
    node_gateway: gatewayAddress,
    node_pods: podRange(index),
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(directory, "settings"), lines.join(""));
}
