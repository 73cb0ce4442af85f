// SPDX-License-Identifier: Apache-2.0
import { createHash, type Hash } from "node:crypto";
import type { KernelFactsPart } from "@gander/proto/stream";
import { streamLimits } from "@gander/proto/stream";

export type KernelFactsOptions = {
  /** Facts kept, each at most 32 MiB: the number of distinct kernels that a fleet may have. */
  readonly kernels?: number;
  /** Concurrent transfers. */
  readonly transfers?: number;
  /** After this time another sensor with the same kernel is asked. */
  readonly transferMs?: number;
  /** Whether a connected sensor has such a kernel: unused ones make room when the store is full. */
  readonly isUsed?: (digest: string) => boolean;
};

/** A transfer: requested, and from its first part on in progress. */
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
 * Requests facts from one node for each distinct kernel, and accepts them only if their digest is the
 * announced one. If a sender fails or disconnects, the next one that says Hello takes its place.
 */
export class KernelFactsIntake {
  readonly #known = new Map<string, Buffer>();
  readonly #transfers = new Map<string, Transfer>();
  /** Senders in whose place another one was asked. */
  readonly #replaced = new WeakSet<object>();
  readonly #options: Required<KernelFactsOptions>;
  readonly #now: () => number;

  /** `now` returns monotonic milliseconds. */
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

  /** Whether `sender` must send them; then no other is asked. */
  ask(digest: string, sender: object): boolean {
    const { kernels, transfers, transferMs } = this.#options;
    const askedAt = this.#now();
    const isFull = this.#transfers.size >= transfers;
    for (const [late, transfer] of this.#transfers)
      if (askedAt - transfer.askedAt >= transferMs && (isFull || late === digest)) {
        this.#transfers.delete(late);
        this.#replaced.add(transfer.sender);
      }
    if (this.#known.size >= kernels && !this.#known.has(digest)) this.#makeRoom();
    const isWanted =
      !this.#known.has(digest) &&
      !this.#transfers.has(digest) &&
      this.#known.size < kernels &&
      this.#transfers.size < transfers;
    if (isWanted) this.#transfers.set(digest, { sender, askedAt });
    return isWanted;
  }

  /**
   * "wrong": the part was not requested or does not continue the previous ones; "late": another sender was
   * asked meanwhile, and the part is ignored.
   */
  receive(part: KernelFactsPart, sender: object): "received" | "late" | "wrong" {
    const { digest = new Uint8Array(), offset = 0, total = 0, data = new Uint8Array() } = part;
    const key = Buffer.from(digest).toString("hex");
    const transfer = this.#transfers.get(key);
    if (transfer?.sender !== sender) return this.#replaced.has(sender) ? "late" : "wrong";
    if (total < 1 || total > streamLimits.kernelFactsBytes) return "wrong";
    transfer.parts ??= { total, data: [], hash: createHash("sha256"), received: 0 };
    const { parts } = transfer;
    const fits =
      parts.total === total &&
      parts.received === offset &&
      data.length > 0 &&
      data.length <= streamLimits.kernelFactsPartBytes &&
      offset + data.length <= total;
    if (!fits) return "wrong";
    // A copy: the input is part of a larger buffer.
    parts.data.push(Buffer.from(data));
    parts.hash.update(data);
    parts.received += data.length;
    if (parts.received < total) return "received";
    this.#transfers.delete(key);
    if (parts.hash.digest("hex") !== key) return "wrong";
    this.#known.set(key, Buffer.concat(parts.data));
    return "received";
  }

  #makeRoom(): void {
    for (const digest of this.#known.keys())
      if (!this.#options.isUsed(digest)) {
        this.#known.delete(digest);
        return;
      }
  }

  /** Cancels the transfers of `sender`. */
  gone(sender: object): void {
    for (const [digest, transfer] of this.#transfers)
      if (transfer.sender === sender) this.#transfers.delete(digest);
  }
}
