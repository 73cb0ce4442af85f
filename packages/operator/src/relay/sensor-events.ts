// SPDX-License-Identifier: Apache-2.0
import { streamCodec } from "@gander/proto/stream";
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { isEventOf } from "./event-node.ts";
import type { EventRelay } from "./event-relay.ts";

/** Encoded messages: gander.v1.EventBatch in, EventOrder out. */
export type EventsCall = ServerDuplexStream<Buffer, Buffer>;

const batchCodec = streamCodec("gander.v1.EventBatch");

/** Serves Events to the sensor of `node`, or to a replica if undefined. Returns a function to end it. */
export function serveEvents(
  relay: Pick<EventRelay, "connect">,
  call: EventsCall,
  { node, onEnd }: { readonly node: string | undefined; readonly onEnd: () => void },
): () => void {
  const name = node === undefined ? undefined : Buffer.from(node);
  const source = relay.connect((order) => void call.write(order), node);
  let isOver = false;
  const end = (finish: () => void) => {
    if (isOver) return;
    isOver = true;
    source[Symbol.dispose]();
    onEnd();
    finish();
  };
  const refuse = (details: string) =>
    end(() => call.emit("error", { code: status.INVALID_ARGUMENT, details }));
  const finish = () => end(() => call.end());
  call.on("data", (bytes: Buffer) => {
    if (isOver) return;
    let batch: ReturnType<typeof batchCodec.decode>;
    try {
      batch = batchCodec.decode(bytes);
    } catch {
      refuse("A message is not a gander.v1.EventBatch");
      return;
    }
    // The credentials of one node must not permit events of another.
    if (name !== undefined && !(batch.events ?? []).every((event) => isEventOf(name, event)))
      refuse("An event is none, or names another node than the credentials do");
    else source.receive(batch);
  });
  call.once("end", finish);
  call.once("cancelled", finish);
  call.on("error", finish);
  return finish;
}
