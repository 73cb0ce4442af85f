// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { machine, release, version } from "node:os";
import { type KernelFacts, streamCodec } from "@gander/proto/stream";
import { writeDurably } from "../host/write-durably.ts";

/** The message about this kernel, sent once for all nodes with the same kernel. */
export type KernelFactsMessage = {
  /** SHA-256 of the encoded KernelFacts. */
  readonly digest: Uint8Array;
  /**
   * Made again on request, which is rare, and not kept. Rejects if the facts can't be read; if they have
   * changed, so has `digest`.
   */
  encoded(): Promise<Uint8Array>;
};

type KernelFactsDeps = {
  /** All facts of the running kernel: takes a second of CPU time. */
  readonly read: () => Promise<KernelFacts>;
  /** Called after reading: much memory isn't needed any more. */
  readonly done: () => void;
};

export type KernelFactsOptions = {
  /** The file that keeps the digest for the next start. */
  readonly file: string;
  /** Another version may report other facts. */
  readonly sensorVersion: string;
};

const codec = streamCodec("gander.v1.KernelFacts");

/** Reads the facts only if no earlier sensor on the same kernel has left their digest. */
export async function kernelFactsMessage(
  { read, done }: KernelFactsDeps,
  { file, sensorVersion }: KernelFactsOptions,
): Promise<KernelFactsMessage> {
  const key = kernelKey(sensorVersion);
  let digest = readDigest(file, key);
  const encoded = async (): Promise<Uint8Array> => {
    try {
      const bytes = codec.encode(await read());
      const found = createHash("sha256").update(bytes).digest();
      if (digest?.equals(found) !== true) {
        digest = found;
        // Without it the next start takes longer; nothing else changes.
        await writeDurably(file, fileText(key, found)).catch(() => undefined);
      }
      return bytes;
    } finally {
      done();
    }
  };
  if (digest === undefined) await encoded();
  return {
    get digest() {
      return digest ?? new Uint8Array();
    },
    encoded,
  };
}

/** Equal only for the same kernel with the same settings, as far as the facts include them. */
function kernelKey(sensorVersion: string): string {
  const settings = ["lsm", "lockdown"].map((name) => {
    try {
      return readFileSync(`/sys/kernel/security/${name}`, "utf8");
    } catch {
      return "";
    }
  });
  const parts = [sensorVersion, process.version, release(), version(), machine(), ...settings];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function fileText(key: string, digest: Buffer): Buffer {
  return Buffer.from(`gander-kernel-facts ${key} ${digest.toString("hex")}\n`);
}

function readDigest(file: string, key: string): Buffer | undefined {
  try {
    const [, found, digest = ""] =
      /^gander-kernel-facts (\w{64}) ([0-9a-f]{64})\n$/.exec(readFileSync(file, "utf8")) ?? [];
    return found === key ? Buffer.from(digest, "hex") : undefined;
  } catch {
    return undefined;
  }
}
