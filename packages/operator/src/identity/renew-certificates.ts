// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type Issued, issueAuthority, issueServer, type Validity } from "./issue-certificate.ts";

/** The stored state of the operator's certificates. */
export type Certificates = {
  /** Signs the server's certificate. */
  readonly authority: Issued;
  /** Starts to sign once all clients have had time to learn of it. */
  readonly next?: Issued;
  /** Certificates (PEM) of authorities that no longer sign but have not expired. */
  readonly retired: readonly string[];
  readonly server: Issued;
};

export type RenewalOptions = {
  /** DNS names and addresses of the server. */
  readonly names: readonly string[];
  readonly authorityMs?: number;
  readonly serverMs?: number;
  /** Time between the announcement of a new authority and its first signature. */
  readonly overlapMs?: number;
};

const dayMs = 24 * 3_600_000;
/** Allows for clocks that are behind. */
const earlierMs = 3_600_000;

/**
 * The certificates as they should be at `now`; the same object if nothing changes. A certificate is
 * renewed when less than a third of its time is left. An authority is replaced in timed steps: announced
 * beside the one that signs; signing; then the old one is trusted until it expires.
 */
export async function renewCertificates(
  stored: Certificates | undefined,
  now: number,
  options: RenewalOptions,
): Promise<Certificates> {
  const {
    names,
    authorityMs = 730 * dayMs,
    serverMs = 90 * dayMs,
    overlapMs = 14 * dayMs,
  } = options;
  const newAuthority = () => issueAuthority("gander-operator", validity(now, authorityMs));
  const newServer = (authority: Issued) => {
    const { from, until } = validity(now, serverMs);
    const last = timesOf(authority.cert).until;
    return issueServer(authority, names, { from, until: new Date(Math.min(+until, last)) });
  };
  if (stored === undefined || timesOf(stored.authority.cert).until <= now) {
    const authority = await newAuthority();
    return { authority, retired: [], server: await newServer(authority) };
  }
  let result = stored;
  const retired = stored.retired.filter((cert) => timesOf(cert).until > now);
  if (retired.length < stored.retired.length) result = { ...result, retired };
  if (result.next === undefined && isLate(result.authority.cert, now))
    result = { ...result, next: await newAuthority() };
  if (result.next !== undefined && timesOf(result.next.cert).from + earlierMs + overlapMs <= now) {
    const { next: authority, authority: old, ...rest } = result;
    result = { ...rest, authority, retired: [...rest.retired, old.cert] };
  }
  if (!isGood(result.server, result.authority, names, now))
    result = { ...result, server: await newServer(result.authority) };
  return result;
}

/** All authorities that clients must trust, as one PEM text. */
export function trustedAuthorities({ authority, next, retired }: Certificates): string {
  return [authority.cert, ...(next === undefined ? [] : [next.cert]), ...retired].join("");
}

function isGood(server: Issued, authority: Issued, names: readonly string[], now: number): boolean {
  const cert = new X509Certificate(server.cert);
  const signer = new X509Certificate(authority.cert);
  return (
    !isLate(server.cert, now) &&
    cert.checkIssued(signer) &&
    cert.verify(signer.publicKey) &&
    names.every((name) => (isIP(name) === 0 ? cert.checkHost(name) : cert.checkIP(name)))
  );
}

function isLate(cert: string, now: number): boolean {
  const { from, until } = timesOf(cert);
  return until - now < (until - from) / 3;
}

function timesOf(cert: string): { readonly from: number; readonly until: number } {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  return { from: +validFromDate, until: +validToDate };
}

function validity(now: number, lifeMs: number): Validity {
  return { from: new Date(now - earlierMs), until: new Date(now + lifeMs) };
}
