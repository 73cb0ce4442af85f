// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codec } from "../codec.ts";
import type { Process } from "../messages.gen.ts";
import { arbitraryEvent } from "./arbitrary-event.ts";
import { isNotice } from "./event-kinds.ts";
import type { EventView, ProcessPart } from "./event-view.ts";
import { createEventWriter } from "./event-writer.ts";
import { plainEvent } from "./plain-event.ts";

const message = codec("tetragon.GetEventsResponse");
const processCodec = codec("tetragon.Process");

type TestProcess = ProcessPart & { readonly plain: Process };

const plainProcess = ({ plain, refcnt }: TestProcess, tid: number): Process => ({
  ...plain,
  ...(refcnt !== 0 && { refcnt }),
  tid: { ...(tid !== 0 && { value: tid }) },
});

const arbitraryProcess: fc.Arbitrary<TestProcess> = fc
  .record({
    pid: fc.nat({ max: 0xffff_ffff }),
    refcnt: fc.nat({ max: 1000 }),
    head: fc.record({
      exec_id: fc.string({ minLength: 1 }),
      binary: fc.string({ unit: "binary", minLength: 1 }),
    }),
    inum: fc.nat({ max: 0xffff_ffff }),
    inInitTree: fc.boolean(),
  })
  .map(({ pid, refcnt, head, inum, inInitTree }) => {
    const middle = { ns: { net: { ...(inum !== 0 && { inum }) } } };
    const tail = { in_init_tree: { ...(inInitTree && { value: true }) } };
    return {
      pid,
      refcnt,
      plain: { ...head, ...middle, ...tail },
      protoHead: processCodec.encode(head),
      protoMiddle: processCodec.encode(middle),
      protoTail: processCodec.encode(tail),
    };
  });

const arbitraryWhole: fc.Arbitrary<EventView<TestProcess>> = fc
  .record({
    event: arbitraryEvent,
    process: fc.option(arbitraryProcess, { nil: undefined }),
    parent: fc.option(arbitraryProcess, { nil: undefined }),
    ancestors: fc.array(arbitraryProcess, { maxLength: 3 }),
  })
  .map(({ event, process, parent, ancestors }) =>
    // Notices are of no process.
    isNotice(event.kind)
      ? { ...event, process: undefined, parent: undefined, ancestors: [] }
      : { ...event, process, parent, ancestors },
  );

describe("event writer", () => {
  it("gives the bytes that the library gives", () => {
    const envelopes = [
      { nodeName: "node-1", clusterName: "", nodeLabels: {} },
      { nodeName: "", clusterName: "c", nodeLabels: { a: "b", "kubernetes.io/os": "linux" } },
    ];
    for (const envelope of envelopes) {
      const writer = createEventWriter(envelope);
      fc.assert(
        fc.property(arbitraryWhole, (event) => {
          const expected = Buffer.from(message.encode(plainEvent(event, envelope, plainProcess)));
          expect(writer.encode(event).toString("hex")).toBe(expected.toString("hex"));
        }),
        { numRuns: 500 },
      );
    }
  });

  it("grows its buffer for an argument of a megabyte", () => {
    const [event] = fc.sample(
      arbitraryEvent.filter(({ kind, argCount, dataCount }) => kind === 9 && argCount > dataCount),
      1,
    );
    if (event?.args[0] === undefined) throw new Error("no sample");
    const bytes = Buffer.alloc(1 << 20, "x");
    event.args[0] = {
      ...event.args[0],
      field: 1,
      text: { bytes, start: 0, end: bytes.length, plain: true },
    };
    const encoded = createEventWriter({ nodeName: "n", clusterName: "", nodeLabels: {} }).encode(
      event,
    );
    expect(message.decode(encoded).process_kprobe?.args?.[0]?.string_arg?.length).toBe(1 << 20);
  });
});
