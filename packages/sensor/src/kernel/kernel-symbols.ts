// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from "node:fs";

/**
 * Addresses of symbols of the kernel itself (not of its modules). Omits symbols that don't exist, exist
 * twice, or whose address is hidden (without CAP_SYSLOG, see kptr_restrict in proc(5), it reads as 0). The
 * list has 10 MB: it is read in pieces, so that the process doesn't grow.
 */
export function symbolAddresses(
  names: readonly string[],
  path = "/proc/kallsyms",
): Map<string, bigint> {
  const found = new Map<string, bigint[]>();
  for (const line of linesWith(
    names.map((name) => ` ${name}\n`),
    path,
  )) {
    const [address = "0", , name = ""] = line.split(" ");
    found.set(name, [...(found.get(name) ?? []), BigInt(`0x${address}`)]);
  }
  return new Map(
    [...found].flatMap(([name, [address = 0n, ...others]]) =>
      address === 0n || others.length > 0 ? [] : [[name, address]],
    ),
  );
}

/** Whether the kernel or one of its modules has a symbol of this name. */
export function hasSymbol(name: string, path = "/proc/kallsyms"): boolean {
  for (const _ of linesWith([` ${name}\n`, ` ${name}\t`], path)) return true;
  return false;
}

/** Longer than any line: lines are shorter than 600 bytes (KSYM_NAME_LEN is 512). */
const pieceBytes = 256 << 10;

/** Lines up to the end of one of these texts, without its last character. */
function* linesWith(ends: readonly string[], path: string): Iterable<string> {
  const file = openSync(path, "r");
  const piece = Buffer.allocUnsafe(pieceBytes);
  let kept = 0;
  try {
    for (;;) {
      const size = readSync(file, piece, kept, pieceBytes - kept, null);
      const whole = piece.subarray(0, piece.subarray(0, kept + size).lastIndexOf("\n") + 1);
      for (const end of ends) {
        for (let at = whole.indexOf(end); at >= 0; at = whole.indexOf(end, at + 1))
          yield whole.toString("latin1", whole.lastIndexOf("\n", at) + 1, at + end.length - 1);
      }
      if (size === 0) return;
      piece.copyWithin(0, whole.length, kept + size);
      kept += size - whole.length;
    }
  } finally {
    closeSync(file);
  }
}
