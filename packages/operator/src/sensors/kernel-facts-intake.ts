// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from "node:crypto";
import type { KernelFactsPart } from "@gander/proto/stream";
import { streamLimits } from "@gander/proto/stream";

export type KernelFactsOptions = {
  /** Facts that are held, each at most 32 MiB: as many distinct kernels as a fleet may have. */
  readonly kernels?: number;
  /** Transfers at one time. */
  readonly transfers?: number;
  /** After so long somebody else is asked. */
  readonly transferMs?: number;
  /** Whether a sensor that is connected has such a kernel: others make room when there is none. */
  readonly isUsed?: (digest: string) => boolean;
};

/** Asked for, and from the first part on under way. */
type Transfer = {
  readonly sender: object;
  readonly askedAt: number;
  parts?: Parts;
};

type Parts = {
  readonly total: number;
  readonly data: Buffer[];
  readonly hash: Hash;
  received: number;
};

/**
 * Facts are asked of one node for each distinct kernel, and believed only if they have the digest they
 * were announced by. A sender that fails or goes leaves the place to the next that says Hello.
 */
export class KernelFactsIntake {
  readonly #known = new Map<string, Buffer>();
  readonly #transfers = new Map<string, Transfer>();
  readonly #options: Required<KernelFactsOptions>;
  readonly #now: () => number;

  /** `now` is in ms and never goes back. */
  constructor(now: () => number, options: KernelFactsOptions = {}) {
    this.#now = now;
    this.#options = {
      kernels: 64,
      transfers: 4,
      transferMs: 60_000,
      isUsed: () => true,
      ...options,
    };
  }

  /** Encoded KernelFacts by the hex of their digest. */
  get known(): ReadonlyMap<string, Buffer> {
    return this.#known;
  }

  /** Whether `sender` shall send them; then nobody else is asked. */
  ask(digest: string, sender: object): boolean {
    const { kernels, transfers, transferMs } = this.#options;
    const askedAt = this.#now();
    for (const [late, transfer] of this.#transfers)
      if (askedAt - transfer.askedAt >= transferMs) this.#transfers.delete(late);
    if (this.#known.size >= kernels && !this.#known.has(digest)) this.#makeRoom();
    const isWanted =
      !this.#known.has(digest) &&
      !this.#transfers.has(digest) &&
      this.#known.size < kernels &&
      this.#transfers.size < transfers;
    if (isWanted) this.#transfers.set(digest, { sender, askedAt });
    return isWanted;
  }

  /** Whether the part is one that was asked for and fits to those before. */
  receive(part: KernelFactsPart, sender: object): boolean {
    const { digest = new Uint8Array(), offset = 0, total = 0, data = new Uint8Array() } = part;
    const key = Buffer.from(digest).toString("hex");
    const transfer = this.#transfers.get(key);
    if (transfer?.sender !== sender) return false;
    if (total < 1 || total > streamLimits.kernelFactsBytes) return false;
    transfer.parts ??= { total, data: [], hash: createHash("sha256"), received: 0 };
    const { parts } = transfer;
    const fits =
      parts.total === total &&
      parts.received === offset &&
      data.length > 0 &&
      data.length <= streamLimits.kernelFactsPartBytes &&
      offset + data.length <= total;
    if (!fits) return false;
    // A copy: what came is a piece of a larger buffer.
    parts.data.push(Buffer.from(data));
    parts.hash.update(data);
    parts.received += data.length;
    if (parts.received < total) return true;
    this.#transfers.delete(key);
    if (parts.hash.digest("hex") !== key) return false;
    this.#known.set(key, Buffer.concat(parts.data));
    return true;
  }

  #makeRoom(): void {
    for (const digest of this.#known.keys())
      if (!this.#options.isUsed(digest)) {
        this.#known.delete(digest);
        return;
      }
  }

  /** What `sender` began is given up. */
  gone(sender: object): void {
    for (const [digest, transfer] of this.#transfers)
      if (transfer.sender === sender) this.#transfers.delete(digest);
  }
}
