// SPDX-License-Identifier: Apache-2.0
import { check, checked, Handle } from "./handle.ts";
import type { BpfLink } from "./link.ts";
import { native } from "./native.ts";

/** One run of an iterator's program over everything; its output is read like a file. */
export class BpfIterator implements Disposable {
  readonly #handle: Handle;

  constructor(link: BpfLink) {
    const fd = checked(native().iteratorCreate(link.fd), "iterate", "Cannot start the iterator");
    this.#handle = new Handle(fd, "the iterator");
  }

  /** Fills the front of `bytes` and gives how many; 0 at the end. The program runs meanwhile. */
  read(bytes: Uint8Array): number {
    return check(native().iteratorRead(this.#handle.fd, bytes), "read", "Cannot read the iterator");
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}

/** The whole output of one run. Throws RangeError beyond `limitBytes`. */
export function readIterator(link: BpfLink, limitBytes = 64 << 20): Buffer {
  using iterator = new BpfIterator(link);
  const parts: Buffer[] = [];
  let total = 0;
  for (;;) {
    const part = Buffer.allocUnsafe(65536);
    const size = iterator.read(part);
    if (size === 0) return Buffer.concat(parts, total);
    total += size;
    if (total > limitBytes)
      throw new RangeError(`The iterator wrote more than ${limitBytes} bytes.`);
    parts.push(part.subarray(0, size));
  }
}
