// SPDX-License-Identifier: Apache-2.0

const typeA = 1;
/** RFC 1035 section 4.1.1: a response, authoritative, and recursion is available (some resolvers insist). */
const responseFlags = 0x8480;
const nameError = 3;
const ttlSeconds = 5;

/**
 * The response to a DNS query with one question, as CoreDNS would answer for services.
 * @param addressOf an IPv4 address by lower-case name without the last dot; undefined: no such name
 * @throws RangeError if the query is cut short
 */
export function dnsAnswer(query: Buffer, addressOf: (name: string) => string | undefined): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const address = addressOf(labels.join(".").toLowerCase());
  // Other types of a known name, such as AAAA, have an empty answer.
  const hasAnswer = address !== undefined && query.readUInt16BE(at + 1) === typeA;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // The client's "recursion desired" is repeated.
  const desired = query.readUInt16BE(2) & 0x0100;
  header.writeUInt16BE(responseFlags | desired | (address === undefined ? nameError : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  const question = query.subarray(12, at + 5);
  if (!hasAnswer) return Buffer.concat([header, question]);
  const record = Buffer.alloc(16);
  // A pointer to the name in the question.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(typeA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(4, 10);
  record.set(address.split(".").map(Number), 12);
  return Buffer.concat([header, question, record]);
}
