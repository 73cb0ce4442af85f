// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import { nearestName } from "@gander/base";
import type { Network } from "../compiled-policy.ts";
import type { Scope } from "../scope.ts";

/** The meaning of a text in a policy, or why it has none. */
export type Value<T> =
  | {
      readonly ok: T;
      /** A remark, though the value is valid. */
      readonly note?: string;
    }
  | { readonly wrong: string; readonly hint: string };

/** All values, or undefined if one is invalid; every invalid one is reported. */
export function readAll<T>(
  values: readonly string[],
  scope: Scope,
  read: (text: string) => Value<T>,
): readonly T[] | undefined {
  const found: T[] = [];
  for (const [i, text] of values.entries()) {
    const value = read(text);
    if ("wrong" in value) {
      scope.at(i).error("policy-bad-value", value.wrong, value.hint);
      continue;
    }
    if (value.note !== undefined) scope.at(i).note("policy-bad-value", value.note, "");
    found.push(value.ok);
  }
  return found.length === values.length ? found : undefined;
}

const numberForms = "Write it in decimal (42, -1), hexadecimal (0x2a) or octal (0o52).";

/** `42`, `-1`, `0x2a`, `0o52`, `052`, `0b101`, `1_000`: the language's notations. */
export function parseInteger(text: string): Value<bigint> {
  const match = /^([-+]?)(0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*)$/.exec(text);
  if (!match) return { wrong: `${quote(text)} is not a whole number`, hint: numberForms };
  const digits = (match[2] ?? "").replaceAll("_", "").toLowerCase();
  const octal = /^0[0-9]+$/.test(digits);
  if (octal && /[89]/.test(digits)) {
    return {
      wrong: `${quote(text)} begins with 0, so it is octal, but has the digit 8 or 9`,
      hint: "Remove the leading zero.",
    };
  }
  const magnitude = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  const value = match[1] === "-" ? -magnitude : magnitude;
  return octal
    ? { ok: value, note: `${quote(text)} is octal: ${value} in decimal` }
    : { ok: value };
}

export type Range = readonly [bigint, bigint];

/** `5` or `3:7`, both ends included. */
export function parseRange(text: string): Value<Range> {
  const [first = "", last = first, ...more] = text.split(":").map((part) => part.trim());
  if (more.length > 0)
    return { wrong: `${quote(text)} is not a range`, hint: "Write a range as 1000:1999." };
  const low = parseInteger(first);
  if ("wrong" in low) return low;
  const high = parseInteger(last);
  if ("wrong" in high) return high;
  if (low.ok > high.ok)
    return {
      wrong: `The range ${quote(text)} ends before it begins`,
      hint: `Write ${last}:${first}.`,
    };
  return { ok: [low.ok, high.ok] };
}

/** A port or a range of ports. */
export function parsePorts(text: string): Value<readonly [number, number]> {
  const range = parseRange(text);
  if ("wrong" in range)
    return { wrong: range.wrong, hint: "Write a port (443) or a range (8000:8999)." };
  const [low, high] = range.ok;
  if (low < 0n || high > 65535n)
    return { wrong: `${quote(text)} is not a port`, hint: "Ports are 0 to 65535." };
  return { ok: [Number(low), Number(high)] };
}

/** A number, or one of the names of a table, with or without its prefix. */
export function parseNamed(
  text: string,
  prefix: string,
  table: Readonly<Record<string, number>>,
  max: number,
): Value<number> {
  if (/^[-+\d]/.test(text)) {
    const value = parseInteger(text);
    if ("wrong" in value) return value;
    if (value.ok < 0n || value.ok > BigInt(max))
      return { wrong: `${quote(text)} is out of range`, hint: `Numbers here are 0 to ${max}.` };
    return { ok: Number(value.ok) };
  }
  const name = text.toUpperCase().startsWith(prefix)
    ? text.toUpperCase().slice(prefix.length)
    : text.toUpperCase();
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found !== undefined) return { ok: found };
  const near = nearestName(name, Object.keys(table));
  return {
    wrong: `${quote(text)} is not known`,
    hint:
      near === undefined
        ? `Write a name such as ${prefix}${Object.keys(table)[1]}, or a number.`
        : `Did you mean "${prefix}${near}"?`,
  };
}

/** `10.0.0.0/8`, `192.168.1.1`, `fd00::/8`; IPv4-mapped IPv6 is IPv4. */
export function parseNetwork(text: string): Value<Network> {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = address.includes("%") ? 0 : isIP(address);
  if (family === 0) return notAnAddress(text);
  const full = family === 4 ? 32 : 128;
  const length = slash < 0 ? `${full}` : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length) || Number(length) > full) {
    return {
      wrong: `${quote(text)} has a wrong prefix length`,
      hint: `Write ${address}/0 to ${address}/${full}.`,
    };
  }
  const bytes = family === 4 ? bytesOf4(address) : bytesOf6(address);
  const mapped =
    family === 6 &&
    Number(length) >= 96 &&
    bytes.every((byte, i) => i >= 12 || byte === (i >= 10 ? 255 : 0));
  const network = mapped
    ? maskOf(bytes.slice(12), Number(length) - 96)
    : maskOf(bytes, Number(length));
  const cleared = hex(mapped ? bytes.slice(12) : bytes) !== network.address;
  return cleared
    ? {
        ok: network,
        note: `${quote(text)} has bits beyond its prefix length; it means the whole network`,
      }
    : { ok: network };
}

function notAnAddress(text: string): Value<Network> {
  const wrong = `${quote(text)} is not an address`;
  if (/\$\{?\w/.test(text))
    return {
      wrong,
      hint: "Replace the placeholder by the address range of your cluster, such as 10.42.0.0/16.",
    };
  if (/^[a-z][\w-]*(\.[\w-]+)+$/i.test(text))
    return { wrong, hint: "Names are not looked up: write the address." };
  if (/^[\d.]+:\d+$/.test(text))
    return { wrong, hint: "Write the address here, and the port in a second filter with DPort." };
  return {
    wrong,
    hint: "Write an IPv4 or IPv6 address or a network: 10.0.0.1, 10.0.0.0/8, fd00::/8.",
  };
}

const bytesOf4 = (address: string): readonly number[] => address.split(".").map(Number);

function bytesOf6(address: string): readonly number[] {
  // A dotted quad represents the last two groups.
  const groups = address.replace(/[\d.]+\.[\d.]+$/, (quad) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytesOf4(quad);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = groups.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(tail === undefined ? 0 : 8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

function maskOf(bytes: readonly number[], prefixLength: number): Network {
  const kept = bytes.map(
    (byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixLength - i * 8))) & 255,
  );
  return { family: bytes.length === 4 ? 4 : 6, address: hex(kept), prefixLength };
}

const hex = (bytes: readonly number[]): string =>
  bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const quote = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
