// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** PEM texts, for tests: no certificate has to be kept in the repository, or to expire there. */
export type TestCertificate = { readonly certificate: string; readonly key: string };

/** A certificate for `name` and 127.0.0.1, by `issuer`, or by itself as an authority (RFC 5280). */
export function testCertificate(name: string, issuer?: TestCertificate): TestCertificate {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signer = issuer === undefined ? pair.privateKey : createPrivateKey(issuer.key);
  const issuerName = issuer === undefined ? distinguishedName(name) : subjectOf(issuer);
  const from = new Date(Date.now() - 3_600_000);
  const until = new Date(Date.now() + 86_400_000);
  const body = sequence(
    der(0xa0, integer(2)),
    integer(Math.floor(Math.random() * 2 ** 30) + 1),
    ecdsaWithSha256,
    issuerName,
    sequence(time(from), time(until)),
    distinguishedName(name),
    pair.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions(name, issuer === undefined))),
  );
  const signature = sign("sha256", body, signer);
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.concat([zero, signature])));
  return { certificate: pem("CERTIFICATE", whole), key: keyText(pair.privateKey) };
}

const zero = Buffer.from([0]);

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const inside = Buffer.concat(content);
  const length =
    inside.length < 0x80
      ? [inside.length]
      : inside.length < 0x100
        ? [0x81, inside.length]
        : [0x82, inside.length >> 8, inside.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), inside]);
}

const sequence = (...content: readonly Buffer[]) => der(0x30, ...content);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));

function integer(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(value, 1);
  const start = bytes.findIndex((byte, at) => at === 4 || byte !== 0 || (bytes[at + 1] ?? 0) > 127);
  return der(0x02, bytes.subarray(start));
}

function time(date: Date): Buffer {
  const text = `${date.toISOString().slice(0, 19).replace(/[-T:]/g, "")}Z`;
  return der(0x18, Buffer.from(text));
}

/** CN=name */
function distinguishedName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(name)))));
}

function extensions(name: string, isAuthority: boolean): readonly Buffer[] {
  const truth = der(0x01, Buffer.from([0xff]));
  const constraints = sequence(...(isAuthority ? [truth] : []));
  const names = sequence(der(0x82, Buffer.from(name)), der(0x87, Buffer.from([127, 0, 0, 1])));
  return [
    sequence(oid("551d13"), truth, der(0x04, constraints)),
    sequence(oid("551d11"), der(0x04, names)),
  ];
}

/** The name as it was written: it is the fifth part of the signed body, behind the version. */
function subjectOf({ certificate }: TestCertificate): Buffer {
  const bytes = Buffer.from(certificate.replace(/-----.*-----|\s/g, ""), "base64");
  let at = headerEnd(bytes, headerEnd(bytes, 0));
  for (let part = 0; part < 5; part++) at = end(bytes, at);
  return bytes.subarray(at, end(bytes, at));
}

function headerEnd(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0;
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

function end(bytes: Buffer, at: number): number {
  const start = headerEnd(bytes, at);
  const size = start - at === 2 ? (bytes[at + 1] ?? 0) : bytes.readUIntBE(at + 2, start - at - 2);
  return start + size;
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function keyText(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
