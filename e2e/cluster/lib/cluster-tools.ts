// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const places = {
  e2e: { directory: "control-plane", tools: ["etcd", "kube-apiserver", "kubectl"] },
  cluster: {
    directory: "cluster/bin",
    tools: ["kube-controller-manager", "kube-scheduler", "helm"],
  },
} as const;

export type ClusterTool = (typeof places)[keyof typeof places]["tools"][number];

/** Where `scripts/setup e2e` or `scripts/setup cluster` put the programs of a cluster. */
export function clusterTool(name: ClusterTool): string {
  const { GANDER_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = GANDER_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "gander");
  const part = (places.e2e.tools as readonly string[]).includes(name) ? "e2e" : "cluster";
  const path = join(cache, places[part].directory, name);
  if (!existsSync(path)) {
    throw new Error(`Cannot find ${name} at "${path}": run scripts/setup ${part}, which builds it`);
  }
  return path;
}
