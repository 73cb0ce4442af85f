// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where `scripts/setup e2e` put the programs of the control plane. */
export function clusterTool(name: "etcd" | "kube-apiserver" | "kubectl"): string {
  const { GANDER_CACHE, XDG_CACHE_HOME } = process.env;
  const cache = GANDER_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "gander");
  const path = join(cache, "control-plane", name);
  if (!existsSync(path)) {
    throw new Error(`Cannot find ${name} at "${path}": run scripts/setup e2e, which builds it`);
  }
  return path;
}
