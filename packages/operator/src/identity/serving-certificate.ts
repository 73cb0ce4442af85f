// SPDX-License-Identifier: Apache-2.0
import type { Server } from "node:tls";

/** PEM texts. */
export type TlsMaterial = {
  /** The server's certificate, then any intermediates between it and the authority. */
  readonly cert: string;
  readonly key: string;
  /** The authorities that clients must trust: several during a replacement. */
  readonly ca: string;
};

/** The certificate that the operator presents at all its addresses. It is renewed while in use. */
export type ServingCertificate = {
  /** Undefined until there is one. */
  current(): TlsMaterial | undefined;
  /** Calls `listener` after each change, in the same turn. */
  onChange(listener: () => void): Disposable;
  /** Resolves when there is one; with false if `signal` aborts first. */
  whenReady(options: { readonly signal: AbortSignal }): Promise<boolean>;
};

/** Makes the server (of node:tls or node:https) present the newest certificate from the next handshake on. */
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
