// SPDX-License-Identifier: Apache-2.0
import type { Server } from "node:tls";

/** PEM texts. */
export type TlsMaterial = {
  /** The server's certificate, and those between it and the authority, if there are any. */
  readonly cert: string;
  readonly key: string;
  /** The authorities that clients are to trust: more than one while they are being replaced. */
  readonly ca: string;
};

/** What the operator shows at all of its addresses. It is renewed while it is in use. */
export type ServingCertificate = {
  /** Undefined: there is none yet. */
  current(): TlsMaterial | undefined;
  /** Calls `listener` after each change, in the same turn. */
  onChange(listener: () => void): Disposable;
  /** Resolves when there is one; with false if `signal` aborts first. */
  whenReady(options: { readonly signal: AbortSignal }): Promise<boolean>;
};

/** Lets the server (of node:tls or node:https) show the newest certificate from the next handshake on. */
export function showCertificate(server: Server, certificate: ServingCertificate): Disposable {
  const show = () => {
    const material = certificate.current();
    if (material !== undefined)
      server.setSecureContext({ cert: material.cert, key: material.key, minVersion: "TLSv1.3" });
  };
  show();
  return certificate.onChange(show);
}

export type WritableCertificate = ServingCertificate & { set(material: TlsMaterial): void };

export function createServingCertificate(): WritableCertificate {
  let current: TlsMaterial | undefined;
  const listeners = new Set<{ readonly call: () => void }>();
  const ready = Promise.withResolvers<true>();
  return {
    current: () => current,
    onChange(call) {
      const listener = { call };
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async whenReady({ signal }) {
      const stopped = Promise.withResolvers<false>();
      const stop = () => stopped.resolve(false);
      if (signal.aborted) return false;
      signal.addEventListener("abort", stop);
      try {
        return await Promise.race([ready.promise, stopped.promise]);
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
    set(material) {
      if (
        current?.cert === material.cert &&
        current.key === material.key &&
        current.ca === material.ca
      )
        return;
      current = material;
      ready.resolve(true);
      for (const { call } of listeners) call();
    },
  };
}
