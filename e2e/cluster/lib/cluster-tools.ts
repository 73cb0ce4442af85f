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
  argocd: { directory: "argocd/bin", tools: ["argocd", "kustomize"] },
} as const;

type Part = keyof typeof places;
export type ClusterTool = (typeof places)[Part]["tools"][number];

/** Where `scripts/setup e2e`, `scripts/setup cluster` or `scripts/setup argocd` put the programs of a cluster. */
export function clusterTool(name: ClusterTool): string {
  const { GANDER_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = GANDER_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "gander");
  const has = (part: Part) => (places[part].tools as readonly string[]).includes(name);
  const part = has("e2e") ? "e2e" : has("cluster") ? "cluster" : "argocd";
  const path = join(cache, places[part].directory, name);
  if (!existsSync(path)) {
    throw new Error(`Cannot find ${name} at "${path}": run scripts/setup ${part}, which builds it`);
  }
  return path;
}
