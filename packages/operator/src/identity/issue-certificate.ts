// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";

/** PEM texts; the key is PKCS #8. */
export type Issued = { readonly cert: string; readonly key: string };

export type Validity = { readonly from: Date; readonly until: Date };

/** A certificate authority that may sign servers' certificates but no further authorities. */
export async function issueAuthority(name: string, validity: Validity): Promise<Issued> {
  const x509 = await loadLibrary();
  const keys = await newKeys();
  const serialNumber = newSerial();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    // Verifiers look authorities up by name, so each needs its own.
    name: `CN=${name} ${serialNumber.slice(0, 8)}`,
    notBefore: validity.from,
    notAfter: validity.until,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(cert), key: await privateKeyOf(keys) };
}

/** A server certificate for `names`, DNS names and IP addresses; the first is the common name. */
export async function issueServer(
  authority: Issued,
  names: readonly string[],
  validity: Validity,
): Promise<Issued> {
  const x509 = await loadLibrary();
  const keys = await newKeys();
  const signer = new x509.X509Certificate(authority.cert);
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: `CN=${(names[0] ?? "").slice(0, 64)}`,
    issuer: signer.subject,
    notBefore: validity.from,
    notAfter: validity.until,
    signingKey: await importKey(authority.key),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // Replicas also present it to each other as clients.
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({
          type: isIP(value) === 0 ? ("dns" as const) : ("ip" as const),
          value,
        })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(signer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: pem(cert), key: await privateKeyOf(keys) };
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Loaded on demand: few replicas ever issue, and loading takes 20 MiB and a tenth of a second. */
async function loadLibrary() {
  await import("reflect-metadata");
  // It is CommonJS: in a bundle, its default has all its exports.
  return (await import("@peculiar/x509")).default;
}

const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

/** Positive, as RFC 5280 (4.1.2.2) requires. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

const pem = (cert: { toString(format: "pem"): string }) => `${cert.toString("pem").trim()}\n`;

async function privateKeyOf({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey));
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return String(key.export({ type: "pkcs8", format: "pem" }));
}

function importKey(text: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(text).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}
