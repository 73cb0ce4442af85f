// SPDX-License-Identifier: Apache-2.0

import type { EncodedPolicy } from "@gander/policy/wire";
import { streamLimits } from "@gander/proto/stream";
import { encodeToSensor } from "./encode-version.ts";

/** Encoded policies by digest, each as the one message that every sensor is sent. */
export class PolicyContents {
  readonly #messages = new Map<string, { readonly message: Buffer; users: number }>();

  /** One more revision has this content. Gives its digest in hex, or undefined: it is too large to be sent. */
  add({ bytes, digest }: EncodedPolicy): string | undefined {
    if (bytes.length > streamLimits.policyBytes) return undefined;
    const key = Buffer.from(digest).toString("hex");
    const held = this.#messages.get(key);
    if (held !== undefined) held.users++;
    else {
      const message = encodeToSensor({ policies: [{ digest, content: bytes }] });
      this.#messages.set(key, { message, users: 1 });
    }
    return key;
  }

  /** One revision less has it. */
  release(digest: string): void {
    const held = this.#messages.get(digest);
    if (held !== undefined && --held.users === 0) this.#messages.delete(digest);
  }

  message(digest: string): Buffer | undefined {
    return this.#messages.get(digest)?.message;
  }

  get size(): number {
    return this.#messages.size;
  }
}
