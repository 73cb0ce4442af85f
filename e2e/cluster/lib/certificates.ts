// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of PEM files. */
export type CertificateFiles = { readonly certFile: string; readonly keyFile: string };

export type Subject = {
  readonly commonName: string;
  /** The API server takes this as a client's group. */
  readonly organization?: string;
};

/** A certificate authority whose files, including the keys, are in one directory. */
export type Authority = CertificateFiles & {
  /** For a server on this machine's loopback, or a client. `name` names the files. */
  issue(name: string, subject: Subject): CertificateFiles;
};

const names = [
  "IP:127.0.0.1",
  "DNS:localhost",
  "DNS:kubernetes",
  "DNS:kubernetes.default",
  "DNS:kubernetes.default.svc",
];

/**
 * Created by openssl(1), valid for two days. Its certificates are also for `addresses`, further IPs of
 * the API server.
 */
export function createAuthority(directory: string, addresses: readonly string[] = []): Authority {
  mkdirSync(directory, { recursive: true });
  const path = (file: string) => join(directory, file);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = { certFile: path("ca.crt"), keyFile: path("ca.key") };
  const made = ["-days", "2", "-keyout", authority.keyFile, "-out", authority.certFile];
  openssl("req", "-x509", ...newKey, "-subj", "/CN=test authority", ...made);
  writeFileSync(
    path("names"),
    `subjectAltName=${[...names, ...addresses.map((one) => `IP:${one}`)].join(",")}\n`,
  );
  return {
    ...authority,
    issue(name, { commonName, organization }) {
      const files = { certFile: path(`${name}.crt`), keyFile: path(`${name}.key`) };
      const request = path(`${name}.csr`);
      const subject = `${organization === undefined ? "" : `/O=${organization}`}/CN=${commonName}`;
      openssl("req", ...newKey, "-subj", subject, "-keyout", files.keyFile, "-out", request);
      const signer = ["-CA", authority.certFile, "-CAkey", authority.keyFile, "-days", "2"];
      const ends = ["-extfile", path("names"), "-out", files.certFile];
      openssl("x509", "-req", "-in", request, ...signer, ...ends);
      return files;
    },
  };
}

/** The key pair that signs service account tokens. */
export function createSigningKey(directory: string): {
  readonly publicFile: string;
  readonly privateFile: string;
} {
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "sec1", format: "pem" },
  });
  const files = {
    publicFile: join(directory, "service-accounts.pub"),
    privateFile: join(directory, "service-accounts.key"),
  };
  writeFileSync(files.publicFile, publicKey);
  writeFileSync(files.privateFile, privateKey, { mode: 0o600 });
  return files;
}
