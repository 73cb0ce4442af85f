// SPDX-License-Identifier: Apache-2.0
import type { Agent } from "node:http";

/** What a connection needs to authenticate itself and to verify the API server. */
export type Credentials = {
  /** May have a path, as with some gateways; API paths are appended. */
  readonly server: URL;
  /** `authorization`, `impersonate-user`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** Set if the connection uses a proxy; otherwise the client has its own agent. */
  readonly proxyAgent?: Agent;
};

/** PEM texts and settings in the form of node:tls. */
export type TlsMaterial = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

/** A source to be read repeatedly: tokens and certificates are rotated while the process runs. */
export type CredentialSource = {
  /** The namespace of the pod, or of the kubeconfig's context; `default` if neither has one. */
  readonly namespace: string;
  /** The latest known ones; their files are read again once a minute. Throws `kube-configuration`. */
  read(): Promise<Credentials>;
  /** The server refused them: the next `read` uses the files (or the helper program) again. */
  invalidate(): void;
};

/** Why they are loaded: the previous ones are `old`, or were `refused` (or don't exist yet). */
type LoadReason = "old" | "refused";

/**
 * Caches the result of `load` for `maxAgeMs`. If a later load fails, the last valid ones stay in use: a
 * file that is being replaced must not stop a working client.
 */
export function createCachedSource(
  load: (reason: LoadReason) => Promise<Credentials>,
  options: { readonly namespace: string; readonly maxAgeMs?: number; readonly now?: () => number },
): CredentialSource {
  const { namespace, maxAgeMs = 60_000, now = () => performance.now() } = options;
  let last: { readonly value: Credentials; readonly atMs: number } | undefined;
  let valid = false;
  let loading: Promise<Credentials> | undefined;

  async function reload(): Promise<Credentials> {
    try {
      const value = await load(valid ? "old" : "refused");
      last = { value, atMs: now() };
      valid = true;
      return value;
    } catch (error) {
      if (last === undefined || !valid) throw error;
      last = { value: last.value, atMs: now() };
      return last.value;
    } finally {
      loading = undefined;
    }
  }

  return {
    namespace,
    async read() {
      if (valid && last !== undefined && now() - last.atMs < maxAgeMs) return last.value;
      // Concurrent callers share one load.
      loading ??= reload();
      return loading;
    },
    invalidate() {
      valid = false;
    },
  };
}
