// SPDX-License-Identifier: Apache-2.0
import type { Agent } from "node:http";

/** What one connection to the API server needs to be trusted and to trust. */
export type Credentials = {
  /** May have a path, as behind some gateways; API paths are appended. */
  readonly server: URL;
  /** `authorization`, `impersonate-user`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** Set when the way leads through a proxy; else the client keeps an agent of its own. */
  readonly proxyAgent?: Agent;
};

/** PEM texts and settings as node:tls takes them. */
export type TlsMaterial = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
};

/** Where credentials come from, again and again: tokens and certificates are rotated under a running process. */
export type CredentialSource = {
  /** The namespace of the pod, or of the kubeconfig's context; `default` if neither says. */
  readonly namespace: string;
  /** Newest known ones; read from their files again once a minute. Throws `kube-configuration`. */
  read(): Promise<Credentials>;
  /** The server refused them: the next `read` goes to the files (or the helper program) again. */
  invalidate(): void;
};

/** Why they are loaded: the last ones are `old`, or were `refused` (or there are none yet). */
export type LoadReason = "old" | "refused";

/**
 * Keeps what `load` gives for `maxAgeMs`. If a later load fails, the last good ones are used on: a
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
      // One load serves all callers that ask meanwhile.
      loading ??= reload();
      return loading;
    },
    invalidate() {
      valid = false;
    },
  };
}
