// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { asBuffer } from "../wire/as-buffer.ts";
import type { Right } from "./user-tokens.ts";

/** A call whose messages are raw bytes. A single answer is a stream of one. */
export type FleetCall = ServerWritableStream<Buffer, Buffer>;

/** A method that people may call. */
export type FleetMethod = {
  readonly path: string;
  readonly right: Right;
  /** Writes the answer; the caller ends the call. Throws CallProblem. */
  answer(call: FleetCall, options: { readonly signal: AbortSignal }): Promise<void>;
};

/** Writes, and waits while the reader is slower. Rejects if `signal` aborts. */
export async function send(
  call: FleetCall,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (!call.write(asBuffer(message))) await once(call, "drain", { signal });
}
