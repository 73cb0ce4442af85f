// SPDX-License-Identifier: Apache-2.0

import { digestBytes, type EncodedPolicy } from "@gander/policy/content";
import { streamLimits } from "@gander/proto/stream";
import { encodeToSensor } from "./encode-version.ts";

/** Encoded policies by digest, each as one message shared by all sensors. */
export class PolicyContents {
  readonly #messages = new Map<string, { readonly message: Buffer; users: number }>();

  /** Adds a revision with this content. Returns its digest, or undefined if it is too large to be sent. */
  add({ bytes, digest }: EncodedPolicy): string | undefined {
    if (bytes.length > streamLimits.policyBytes) return undefined;
    const held = this.#messages.get(digest);
    if (held !== undefined) held.users++;
    else {
      const message = encodeToSensor({
        policies: [{ digest: digestBytes(digest), content: bytes }],
      });
      this.#messages.set(digest, { message, users: 1 });
    }
    return digest;
  }

  /** Removes a revision with this content. */
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
