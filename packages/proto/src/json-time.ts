// SPDX-License-Identifier: Apache-2.0

/** Parts of a google.protobuf.Timestamp or Duration; seconds as decimal text. */
type JsonTime = { readonly seconds: string; readonly nanos: number };

/** RFC 3339 in UTC with none, 3, 6 or 9 fractional digits, as in protobuf's JSON. */
export function formatTimestamp(seconds: number, nanos: number): string {
  return `${formatSecond(seconds)}${formatFraction(nanos)}Z`;
}

let lastSecond = 0;
let lastText = "1970-01-01T00:00:00";

/** hot: times arrive in order, so the part up to the seconds is nearly always that of the last call. */
export function formatSecond(seconds: number): string {
  if (seconds !== lastSecond) {
    lastText = new Date(seconds * 1000).toISOString().slice(0, -5);
    lastSecond = seconds;
  }
  return lastText;
}

/** Seconds with a fraction, such as "1.500s". */
export function formatDuration(seconds: number, nanos: number): string {
  const sign = seconds < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(seconds)}${formatFraction(Math.abs(nanos))}s`;
}

/** "", ".123", ".123456" or ".123456789". */
function formatFraction(nanos: number): string {
  if (nanos === 0) return "";
  const digits = String(nanos).padStart(9, "0");
  if (!digits.endsWith("000")) return `.${digits}`;
  return digits.endsWith("000000") ? `.${digits.slice(0, 3)}` : `.${digits.slice(0, 6)}`;
}

export function parseTimestamp(text: string): JsonTime | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (match === null || Number.isNaN(ms)) return undefined;
  return { seconds: String(ms / 1000), nanos: Number((match[2] ?? "").padEnd(9, "0")) };
}

export function parseDuration(text: string): JsonTime | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (match === null) return undefined;
  const [, sign = "", seconds = "", fraction = ""] = match;
  const nanos = Number(fraction.padEnd(9, "0"));
  return { seconds: String(BigInt(sign + seconds)), nanos: sign === "" ? nanos : -nanos };
}
