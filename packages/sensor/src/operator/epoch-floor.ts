// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";

/**
 * The highest epoch that was to be in force on this node. The file is overwritten in place: that works even
 * on a full disk, where the bundle itself can't be written, so that an older bundle isn't mistaken for the
 * newest later.
 */
export type EpochFloor = {
  /** 0: none was ever written, or it can't be read. */
  readonly value: number;
  /** Never decreases. Rejects with the system's error. */
  raise(epoch: number): Promise<void>;
};

export function openEpochFloor(path: string): EpochFloor {
  let value = readFloor(path);
  return {
    get value() {
      return value;
    },
    async raise(epoch) {
      if (epoch <= value) return;
      value = epoch;
      await using file = await open(path, "r+").catch(() => open(path, "w+", 0o600));
      await file.write(textOf(epoch), 0, "utf8");
      await file.datasync();
    },
  };
}

function readFloor(path: string): number {
  try {
    const text = readFileSync(path, "utf8");
    const epoch = Number(/^gander-epoch (\d{16}) /.exec(text)?.[1]);
    return text === textOf(epoch) ? epoch : 0;
  } catch {
    return 0;
  }
}

/** Always has the same length. */
function textOf(epoch: number): string {
  const body = `gander-epoch ${String(epoch).padStart(16, "0")}`;
  return `${body} ${createHash("sha256").update(body).digest("hex")}\n`;
}
