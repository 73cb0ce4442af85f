// SPDX-License-Identifier: Apache-2.0
import { KubeError } from "../client/kube-error.ts";

type LineSplitter = {
  /**
   * Calls `onLine` for each line that `chunk` completes, without its newline; the bytes are valid during
   * the call. Throws `kube-protocol` if a line exceeds the limit.
   */
  push(chunk: Uint8Array, onLine: (line: Buffer) => void): void;
  /** Bytes of an unfinished line. */
  pendingBytes(): number;
};

/** Splits a byte stream at newlines. Never splits characters: only whole lines are decoded. */
export function createLineSplitter(options: { readonly maxLineBytes: number }): LineSplitter {
  const { maxLineBytes } = options;
  // Parts are joined once, at the end of the line: appending each chunk to a buffer would be quadratic.
  let parts: Buffer[] = [];
  let pendingBytes = 0;

  function keep(part: Buffer): void {
    pendingBytes += part.length;
    if (pendingBytes > maxLineBytes) {
      throw new KubeError(
        "kube-protocol",
        `Cannot read the watch: a line is longer than ${maxLineBytes} bytes`,
        { retryable: true },
      );
    }
    if (part.length > 0) parts.push(part);
  }

  return {
    pendingBytes: () => pendingBytes,
    // hot: scripts/measure-reflector.ts
    push(chunk, onLine) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      let start = 0;
      for (;;) {
        const end = bytes.indexOf(0x0a, start);
        keep(bytes.subarray(start, end < 0 ? undefined : end));
        if (end < 0) return;
        const line = parts.length === 1 ? parts[0] : Buffer.concat(parts, pendingBytes);
        parts = [];
        pendingBytes = 0;
        start = end + 1;
        if (line !== undefined && line.length > 0) onLine(line);
      }
    },
  };
}
