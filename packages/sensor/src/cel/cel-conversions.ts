// SPDX-License-Identifier: Apache-2.0
import { CelError, CelTime, type CelValue } from "./cel-value.ts";

/** `int(x)`, `string(x)` and so on; they throw CelError for values that cannot be converted. */
export const conversions: Readonly<Record<string, (value: CelValue) => CelValue>> = {
  int: wholeNumber,
  uint(value) {
    const number = wholeNumber(value);
    if (number < 0n) throw new CelError("uint() of a negative number");
    return number;
  },
  double(value) {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    if (typeof number === "bigint") return Number(number);
    if (typeof number === "number" && !Number.isNaN(number)) return number;
    throw new CelError("double() of what is no number");
  },
  string(value) {
    if (typeof value === "string") return value;
    if (["bigint", "number", "boolean"].includes(typeof value)) return String(value);
    if (value instanceof Uint8Array) return Buffer.from(value).toString();
    if (value instanceof CelTime && value.kind === "duration") return `${Number(value.ns) / 1e9}s`;
    if (value instanceof CelTime) return new Date(Number(value.ns / 1_000_000n)).toISOString();
    throw new CelError("string() of what has no text");
  },
  bool(value) {
    if (typeof value === "boolean") return value;
    if (value === "true" || value === "false") return value === "true";
    throw new CelError("bool() of what is neither true nor false");
  },
  timestamp(value) {
    if (value instanceof CelTime && value.kind === "timestamp") return value;
    const ms = typeof value === "string" && RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(ms))
      throw new CelError("timestamp() needs a text such as 2026-01-31T12:00:00Z");
    return new CelTime("timestamp", BigInt(ms) * 1_000_000n);
  },
  duration(value) {
    if (value instanceof CelTime && value.kind === "duration") return value;
    const text = typeof value === "string" ? value : "";
    if (!/^-?(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|ns))+$/.test(text))
      throw new CelError("duration() needs a text such as 1h30m or 500ms");
    const parts = text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g);
    const ns = [...parts].reduce(
      (sum, [, number = "0", unit = "ns"]) => sum + Number(number) * (unitNs[unit] ?? 1),
      0,
    );
    return new CelTime("duration", BigInt(Math.round(text.startsWith("-") ? -ns : ns)));
  },
};

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const unitNs: Readonly<Record<string, number>> = {
  h: 3.6e12,
  m: 6e10,
  s: 1e9,
  ms: 1e6,
  us: 1e3,
  ns: 1,
};

function wholeNumber(value: CelValue): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Math.abs(value) < 2 ** 63) return BigInt(Math.trunc(value));
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  if (value instanceof CelTime && value.kind === "timestamp") return value.ns / 1_000_000_000n;
  throw new CelError("int() of what is no whole number");
}
