// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { machine, release, version } from "node:os";
import { type KernelFacts, streamCodec } from "@gander/proto/stream";
import { writeDurably } from "../host/write-durably.ts";

/** What the operator is told of this kernel, once for all nodes that have the same. */
export type KernelFactsMessage = {
  /** SHA-256 of the encoded KernelFacts. */
  readonly digest: Uint8Array;
  /**
   * Made again when it is asked for, which is seldom, and not kept. Rejects if they can't be read; if
   * they are others now, `digest` has changed.
   */
  encoded(): Promise<Uint8Array>;
};

export type KernelFactsDeps = {
  /** All facts of the running kernel: takes a second of a processor. */
  readonly read: () => Promise<KernelFacts>;
  /** Called when they were read: much memory isn't needed any more. */
  readonly done: () => void;
};

export type KernelFactsOptions = {
  /** Where the digest is kept for the next start. */
  readonly file: string;
  /** Another version may tell other things. */
  readonly sensorVersion: string;
};

const codec = streamCodec("gander.v1.KernelFacts");

/** The facts are read only if another sensor on the same kernel hasn't left their digest. */
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
        // Without it the next start takes longer, and nothing else.
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

/** The same only for the same kernel with the same settings, as far as the facts tell of them. */
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
