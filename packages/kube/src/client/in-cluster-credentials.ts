// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import { type CredentialSource, createCachedSource } from "./credentials.ts";
import { KubeError } from "./kube-error.ts";

/** Where the kubelet mounts and rotates them (Kubernetes docs, "Accessing the API from a Pod"). */
const serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

type InClusterOptions = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory?: string;
  readonly maxAgeMs?: number;
};

/**
 * The pod's own service account. Token and certificate authority are read again every minute. Throws
 * `kube-configuration` if the process is not in a pod.
 */
export function inClusterCredentials(options: InClusterOptions): CredentialSource {
  const { environment, directory = serviceAccountDirectory, maxAgeMs } = options;
  const host = environment.KUBERNETES_SERVICE_HOST ?? "";
  const port = environment.KUBERNETES_SERVICE_PORT ?? "443";
  if (host === "") {
    throw new KubeError(
      "kube-configuration",
      "Cannot find the API server: there is no KUBECONFIG, and KUBERNETES_SERVICE_HOST is not set",
      { hint: "set KUBECONFIG, or run in a pod" },
    );
  }
  const server = new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`);
  return createCachedSource(
    async () => {
      const [token, ca] = await Promise.all([
        readMounted(join(directory, "token")),
        readMounted(join(directory, "ca.crt")),
      ]);
      return { server, headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
    },
    { namespace: readNamespace(directory), ...(maxAgeMs === undefined ? {} : { maxAgeMs }) },
  );
}

async function readMounted(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new KubeError("kube-configuration", `Cannot read "${path}": ${messageOf(cause)}`, {
      hint: "mount the service account's token (automountServiceAccountToken: true)",
      retryable: true,
      cause,
    });
  }
}

function readNamespace(directory: string): string {
  try {
    return readFileSync(join(directory, "namespace"), "utf8").trim() || "default";
  } catch {
    // Projected volumes may lack the file.
    return "default";
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
