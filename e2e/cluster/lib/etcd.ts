// SPDX-License-Identifier: Apache-2.0
import { cp, rm } from "node:fs/promises";
import { clusterTool } from "./cluster-tools.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { freePorts } from "./free-ports.ts";

export type Etcd = {
  readonly url: string;
  /** Kills it, as in a crash. */
  stop(): Promise<void>;
  /** Starts it with the same data and address; resolves when it is ready. */
  start(): Promise<void>;
  /** Copies its data to a folder, or replaces its data by that folder's; only while it is stopped. */
  save(folder: string): Promise<void>;
  restore(folder: string): Promise<void>;
  /** Forgets all versions except the newest; returns the revision of the compaction. */
  compact(): Promise<number>;
};

/** Flags for one member on 127.0.0.1 that doesn't wait for the disk. */
export function etcdFlags(data: string, clientPort: number, peerPort: number): string[] {
  const url = `http://127.0.0.1:${clientPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  return [
    "--name=test",
    `--data-dir=${data}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=test=${peerUrl}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

/** One member on this machine's loopback. It doesn't wait for the disk: a test may lose its data. */
export async function startEtcd(directory: string): Promise<Etcd> {
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${clientPort}`;
  const data = `${directory}/etcd`;
  let daemon: Daemon | undefined;
  const stop = async () => daemon?.stop({ signal: "SIGKILL" });

  async function start(): Promise<void> {
    daemon = startDaemon({
      name: "etcd",
      program: clusterTool("etcd"),
      logFile: `${directory}/etcd.log`,
      args: etcdFlags(data, clientPort, peerPort),
    });
    try {
      await daemon.whenReady(async () => (await fetch(`${url}/health`)).ok, 60_000);
    } catch (error) {
      await stop();
      throw error;
    }
  }

  await start();
  return {
    url,
    start,
    stop,
    save: (folder) => cp(data, folder, { recursive: true }),
    async restore(folder) {
      await rm(data, { recursive: true });
      await cp(folder, data, { recursive: true });
    },
    async compact() {
      // The gRPC gateway: 64-bit numbers are strings, keys are base64.
      const { header } = await post(`${url}/v3/kv/range`, { key: btoa("/"), keys_only: true });
      await post(`${url}/v3/kv/compaction`, { revision: header.revision, physical: true });
      return Number(header.revision);
    },
  };
}

async function post(
  url: string,
  body: Readonly<Record<string, unknown>>,
): Promise<{ readonly header: { readonly revision: string } }> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`etcd refused POST ${url} with ${response.status}: ${text}`);
  return JSON.parse(text);
}
