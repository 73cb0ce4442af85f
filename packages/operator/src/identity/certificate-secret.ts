// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Certificates } from "./renew-certificates.ts";

/** `data` of a Secret: names to base64. */
export type SecretData = Readonly<Record<string, string>>;

/** Undefined if a part is missing or damaged, or if the parts don't match. */
export function readCertificates(data: SecretData): Certificates | undefined {
  const text = (name: string) => Buffer.from(data[name] ?? "", "base64").toString();
  const pair = (cert: string, key: string) => ({ cert: text(cert), key: text(key) });
  const authority = pair("ca.crt", "ca.key");
  const next = pair("next-ca.crt", "next-ca.key");
  const server = pair("tls.crt", "tls.key");
  const hasNext = next.cert !== "";
  const retired =
    text("retired-ca.crt").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ??
    [];
  try {
    const pairs = [authority, server, ...(hasNext ? [next] : [])];
    const isWhole = pairs.every(({ cert, key }) =>
      new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
    );
    for (const cert of retired) new X509Certificate(cert);
    return isWhole ? { authority, server, retired, ...(hasNext && { next }) } : undefined;
  } catch {
    return undefined;
  }
}

export function writeCertificates({ authority, next, retired, server }: Certificates): SecretData {
  const texts = {
    "ca.crt": authority.cert,
    "ca.key": authority.key,
    ...(next && { "next-ca.crt": next.cert, "next-ca.key": next.key }),
    ...(retired.length > 0 && { "retired-ca.crt": retired.join("") }),
    "tls.crt": server.cert,
    "tls.key": server.key,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
}
