// SPDX-License-Identifier: Apache-2.0
import { createHmac } from "node:crypto";
import type { ServingCertificate } from "../identity/serving-certificate.ts";

/**
 * Where the API server reports sessions. It presents no certificate to webhooks, and every pod can reach the
 * port: so the path is a secret that all replicas derive from the private key of their certificate. Only those
 * who may read webhook configurations learn it.
 */
export const sessionPathOf = (key: string): string =>
  `/sessions/${createHmac("sha256", key).update("gander sessions webhook").digest("hex")}`;

/** Recognizes the path of the current certificate and that of the previous one, which the API server may still have. */
export class SessionPaths {
  readonly #certificate: Pick<ServingCertificate, "current">;
  #key = "";
  #paths: readonly string[] = [];

  constructor(certificate: Pick<ServingCertificate, "current">) {
    this.#certificate = certificate;
    this.#follow();
  }

  has(path: string): boolean {
    this.#follow();
    return this.#paths.includes(path);
  }

  #follow(): void {
    const key = this.#certificate.current()?.key ?? this.#key;
    if (key === this.#key) return;
    this.#key = key;
    this.#paths = [sessionPathOf(key), ...this.#paths.slice(0, 1)];
  }
}
