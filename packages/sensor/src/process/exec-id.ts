// SPDX-License-Identifier: Apache-2.0

/** The kernel's key of a process image; `start` in ns of CLOCK_BOOTTIME as two unsigned halves. */
export type ProcessKey = {
  readonly pid: number;
  readonly startLow: number;
  readonly startHigh: number;
};

/** The id of a process image in events: base64 of "node:start:pid". */
export function execId(nodeName: string, key: ProcessKey): string {
  return Buffer.from(`${nodeName}:${startText(key)}:${key.pid}`).toString("base64");
}

/** hot: `execId` for one node (bench/event-encoding). */
export function createExecIds(nodeName: string): (key: ProcessKey) => string {
  const node = Buffer.from(`${nodeName}:`);
  const plain = Buffer.alloc(node.length + 24);
  const encoded = Buffer.alloc(Math.ceil(plain.length / 3) * 4);
  plain.set(node);
  return (key) => {
    if (key.startHigh >= exactHigh) return execId(nodeName, key);
    let end = writeNumber(plain, node.length, key.startHigh * 0x1_0000_0000 + key.startLow);
    plain[end++] = colon;
    end = writeNumber(plain, end, key.pid);
    return encoded.toString("latin1", 0, encodeBase64(plain, end, encoded));
  };
}

const colon = 0x3a;
const equals = 0x3d;
/** Below 2⁵³ (104 days of uptime) a number is exact and much faster. */
const exactHigh = 0x20_0000;

function startText({ startLow, startHigh }: ProcessKey): string {
  if (startHigh < exactHigh) return String(startHigh * 0x1_0000_0000 + startLow);
  return String((BigInt(startHigh) << 32n) | BigInt(startLow));
}

/** Writes decimal digits; returns their end. */
function writeNumber(bytes: Buffer, start: number, value: number): number {
  if (value > 999_999_999) {
    const upper = Math.floor(value / 1_000_000_000);
    const middle = writeNumber(bytes, start, upper);
    return writeDigits(bytes, middle, value - upper * 1_000_000_000, 9);
  }
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count++;
  return writeDigits(bytes, start, value, count);
}

function writeDigits(bytes: Buffer, start: number, value: number, count: number): number {
  let rest = value | 0;
  for (let at = start + count - 1; at >= start; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = 0x30 + rest - next * 10;
    rest = next;
  }
  return start + count;
}

const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

/** RFC 4648, section 4. Returns the number of characters. */
function encodeBase64(bytes: Buffer, length: number, target: Buffer): number {
  let to = 0;
  for (let at = 0; at < length; at += 3) {
    const b = at + 1 < length ? (bytes[at + 1] as number) : 0;
    const c = at + 2 < length ? (bytes[at + 2] as number) : 0;
    const group = ((bytes[at] as number) << 16) | (b << 8) | c;
    target[to++] = alphabet[group >>> 18] as number;
    target[to++] = alphabet[(group >>> 12) & 63] as number;
    target[to++] = at + 1 < length ? (alphabet[(group >>> 6) & 63] as number) : equals;
    target[to++] = at + 2 < length ? (alphabet[group & 63] as number) : equals;
  }
  return to;
}
