// SPDX-License-Identifier: Apache-2.0
import type { Agent } from "node:http";
import type { RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { type CredentialSource, type Credentials, createCachedSource } from "./credentials.ts";
import { KubeError } from "./kube-error.ts";

export type KubeconfigOptions = {
  /** One file instead of those in KUBECONFIG or the home directory. */
  readonly path?: string;
  /** A context other than the current one. */
  readonly context?: string;
};

/**
 * A kubeconfig's credentials, all kinds that users can have: certificates, tokens, helper programs, OIDC,
 * impersonation, proxies. The kubeconfig is read again after a refusal, files that it names every minute;
 * a helper program runs again when its credentials have expired or were refused.
 */
export async function kubeconfigCredentials(
  options: KubeconfigOptions = {},
): Promise<CredentialSource> {
  // Imported here: it takes 80 MiB and a third of a second, and a pod doesn't need it.
  const { KubeConfig } = await import("@kubernetes/client-node");
  let config = readConfig(new KubeConfig(), options);
  let isFirst = true;
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace;
  return createCachedSource(
    async (reason) => {
      // A new KubeConfig has no cached results of helper programs.
      if (reason === "refused" && !isFirst) config = readConfig(new KubeConfig(), options);
      isFirst = false;
      return toCredentials(config);
    },
    { namespace: namespace ?? "default" },
  );
}

function readConfig(config: KubeConfig, options: KubeconfigOptions): KubeConfig {
  try {
    if (options.path === undefined) config.loadFromDefault();
    else config.loadFromFile(options.path);
  } catch (cause) {
    throw configurationError("the kubeconfig cannot be read", cause);
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  if (config.getCurrentCluster() === null) {
    const context = config.getCurrentContext();
    throw configurationError(
      context === undefined
        ? "the kubeconfig names no current context"
        : `the kubeconfig has no context "${context}", or the context's cluster is missing`,
    );
  }
  return config;
}

async function toCredentials(config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw configurationError("the kubeconfig has no current cluster");
  const applied: RequestOptions = { headers: {} };
  try {
    await config.applyToHTTPSOptions(applied);
  } catch (cause) {
    throw configurationError(`the credentials of cluster "${cluster.name}" cannot be made`, cause);
  }
  const { ca, cert, key, servername, rejectUnauthorized, auth, agent } = applied;
  return {
    server: new URL(cluster.server),
    headers: {
      ...lowerCased(applied.headers),
      ...(auth ? { authorization: `Basic ${Buffer.from(auth).toString("base64")}` } : {}),
    },
    tls: {
      ...(ca ? { ca: String(ca) } : {}),
      ...(cert ? { cert: String(cert) } : {}),
      ...(key ? { key: String(key) } : {}),
      ...(servername ? { servername } : {}),
      ...(rejectUnauthorized === false ? { rejectUnauthorized } : {}),
    },
    ...(cluster.proxyUrl && isAgent(agent) ? { proxyAgent: agent } : {}),
  };
}

function lowerCased(headers: RequestOptions["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}

function isAgent(agent: unknown): agent is Agent {
  return typeof agent === "object" && agent !== null;
}

function configurationError(why: string, cause?: unknown): KubeError {
  const detail = cause instanceof Error ? `: ${cause.message.trim()}` : "";
  return new KubeError("kube-configuration", `Cannot reach the API server: ${why}${detail}`, {
    hint: "try `kubectl version` with the same KUBECONFIG",
    cause,
  });
}
