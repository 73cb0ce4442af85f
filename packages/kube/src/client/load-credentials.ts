// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { CredentialSource } from "./credentials.ts";
import { inClusterCredentials } from "./in-cluster-credentials.ts";
import { type KubeconfigOptions, kubeconfigCredentials } from "./kubeconfig-credentials.ts";

/**
 * Uses kubectl's order: a file named explicitly, KUBECONFIG, `~/.kube/config`, the pod's service account.
 * Throws `kube-configuration`.
 */
export async function loadCredentials(options: KubeconfigOptions = {}): Promise<CredentialSource> {
  const named = options.path !== undefined || (process.env.KUBECONFIG ?? "") !== "";
  if (named || existsSync(join(homedir(), ".kube", "config"))) {
    return kubeconfigCredentials(options);
  }
  return inClusterCredentials({ environment: process.env });
}
