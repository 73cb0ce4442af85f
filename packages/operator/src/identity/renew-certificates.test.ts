// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readCertificates, writeCertificates } from "./certificate-secret.ts";
import { type Certificates, renewCertificates, trustedAuthorities } from "./renew-certificates.ts";

const dayMs = 24 * 3_600_000;
const start = Date.UTC(2026, 10, 20);
const names = ["gander-operator.gander-system.svc", "gander-operator", "127.0.0.1", "::1"];
const options = { names, authorityMs: 60 * dayMs, serverMs: 12 * dayMs, overlapMs: 8 * dayMs };

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;
const authoritiesOf = (pem: string) =>
  pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];

function isTrusted({ server }: Certificates, bundle: string, now: number): boolean {
  const cert = new X509Certificate(server.cert);
  const isValid = ({ validFromDate, validToDate }: X509Certificate) =>
    +validFromDate <= now && now < +validToDate;
  return (
    isValid(cert) &&
    authoritiesOf(bundle).some((text) => {
      const authority = new X509Certificate(text);
      return isValid(authority) && cert.checkIssued(authority) && cert.verify(authority.publicKey);
    })
  );
}

describe("certificates", () => {
  it("are what openssl takes for a server's, with all names", async () => {
    const made = await renewCertificates(undefined, Date.now(), { names });
    const directory = mkdtempSync(join(tmpdir(), "gander-certificates-"));
    const openssl = (...words: readonly string[]) =>
      execFileSync("openssl", words, { cwd: directory, encoding: "utf8" });
    try {
      writeFileSync(join(directory, "ca.crt"), trustedAuthorities(made));
      writeFileSync(join(directory, "tls.crt"), made.server.cert);
      const verify = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.crt"];
      for (const name of ["gander-operator", "gander-operator.gander-system.svc"])
        expect(openssl(...verify, "-verify_hostname", name, "tls.crt")).toBe("tls.crt: OK\n");
      for (const address of ["127.0.0.1", "::1"])
        expect(openssl(...verify, "-verify_ip", address, "tls.crt")).toBe("tls.crt: OK\n");
      expect(() => openssl(...verify, "-verify_hostname", "other", "tls.crt")).toThrow();
      // Replicas show it to each other.
      expect(openssl("verify", "-purpose", "sslclient", "-CAfile", "ca.crt", "tls.crt")).toBe(
        "tls.crt: OK\n",
      );
      // It signs servers, and no authorities below it.
      expect(openssl("x509", "-in", "ca.crt", "-noout", "-ext", "basicConstraints")).toContain(
        "CA:TRUE, pathlen:0",
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("stay the same object as long as nothing is to be done", async () => {
    const made = await renewCertificates(undefined, start, options);
    expect(await renewCertificates(made, start + 7 * dayMs, options)).toBe(made);
    const later = await renewCertificates(made, start + 9 * dayMs, options);
    expect(later.authority).toBe(made.authority);
    expect(fingerprint(later.server.cert)).not.toBe(fingerprint(made.server.cert));
  });

  it("are renewed for a name that is new", async () => {
    const made = await renewCertificates(undefined, start, options);
    const more = { ...options, names: [...names, "localhost"] };
    const { server } = await renewCertificates(made, start, more);
    expect(new X509Certificate(server.cert).checkHost("localhost")).toBe("localhost");
  });

  it("of an authority that has run out begin anew", async () => {
    const made = await renewCertificates(undefined, start, options);
    const later = start + 61 * dayMs;
    const next = await renewCertificates(made, later, options);
    expect(fingerprint(next.authority.cert)).not.toBe(fingerprint(made.authority.cert));
    expect(isTrusted(next, trustedAuthorities(next), later)).toBe(true);
  });

  it("are trusted at any time by whoever read the authorities a week ago", async () => {
    let certificates = await renewCertificates(undefined, start, options);
    const bundles = [trustedAuthorities(certificates)];
    const authorities = new Set([fingerprint(certificates.authority.cert)]);
    for (let day = 1; day <= 200; day++) {
      const now = start + day * dayMs;
      certificates = await renewCertificates(certificates, now, options);
      bundles.push(trustedAuthorities(certificates));
      authorities.add(fingerprint(certificates.authority.cert));
      for (const age of [0, 1, 7])
        expect([
          day,
          age,
          isTrusted(certificates, bundles[Math.max(0, day - age)] ?? "", now),
        ]).toEqual([day, age, true]);
      expect(authoritiesOf(bundles.at(-1) ?? "").length).toBeLessThanOrEqual(3);
    }
    expect(authorities.size).toBeGreaterThan(3);
  });
});

describe("the Secret", () => {
  it("gives back what was written, with authorities that come and go", async () => {
    const made = await renewCertificates(undefined, start, options);
    const changing = await renewCertificates(made, start + 45 * dayMs, options);
    const changed = await renewCertificates(changing, start + 55 * dayMs, options);
    expect([changing.next !== undefined, changed.retired.length]).toEqual([true, 1]);
    for (const one of [made, changing, changed])
      expect(readCertificates(writeCertificates(one))).toEqual(one);
  });

  it.each([
    ["has no key", (data: Record<string, string>) => ({ ...data, "tls.key": "" })],
    [
      "has another's key",
      (data: Record<string, string>) => ({ ...data, "tls.key": data["ca.key"] ?? "" }),
    ],
    ["is no PEM", (data: Record<string, string>) => ({ ...data, "ca.crt": "AAAA" })],
    ["is empty", () => ({})],
  ])("isn't used if it %s", async (_, damage) => {
    const data = writeCertificates(await renewCertificates(undefined, start, options));
    expect(readCertificates(damage({ ...data }))).toBeUndefined();
  });
});
