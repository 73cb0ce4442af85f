// SPDX-License-Identifier: Apache-2.0
import { codec, createEventWriter } from "@gander/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrarySensorEvent } from "../../test/arbitrary-sensor-event.ts";
import { createJsonEncoder } from "./json-encoder.ts";
import { plainLine, plainMessage } from "./plain-line.ts";

const envelopes = [
  { nodeName: "node-1", clusterName: "", nodeLabels: {} },
  { nodeName: "", clusterName: 'c"1', nodeLabels: { b: "x", a: "y" } },
];

describe("JSON encoder", () => {
  it("gives the lines of the plain way", () => {
    for (const envelope of envelopes) {
      const encoder = createJsonEncoder(envelope);
      fc.assert(
        fc.property(arbitrarySensorEvent, (event) => {
          const { bytes, length } = encoder.encode(event);
          expect(bytes.toString("utf8", 0, length)).toBe(plainLine(plainMessage(event, envelope)));
        }),
        { numRuns: 400 },
      );
    }
  });

  it("does not mistake a process for the one before", () => {
    const encoder = createJsonEncoder(envelopes[0] ?? fail());
    const few = fc.sample(arbitrarySensorEvent, 8);
    const order = fc.array(
      fc.record({ at: fc.nat({ max: 7 }), tid: fc.nat({ max: 1 }), child: fc.boolean() }),
    );
    fc.assert(
      fc.property(order, (steps) => {
        for (const { at, tid, child } of steps) {
          const event = { ...(few[at] ?? fail()), tid };
          if (child && event.process !== undefined) event.process.children++;
          if (child && event.parent !== undefined) event.parent.cutArguments(1);
          const { bytes, length } = encoder.encode(event);
          expect(bytes.toString("utf8", 0, length)).toBe(
            plainLine(plainMessage(event, envelopes[0] ?? fail())),
          );
        }
      }),
    );
  });

  it("gives one line each, that every JSON reader can read", () => {
    const encoder = createJsonEncoder({ nodeName: "n", clusterName: "", nodeLabels: {} });
    fc.assert(
      fc.property(arbitrarySensorEvent, (event) => {
        const { bytes, length } = encoder.encode(event);
        const line = bytes.toString("utf8", 0, length);
        expect(line.indexOf("\n")).toBe(line.length - 1);
        expect(line.slice(0, -1)).not.toMatch(/\p{Cc}/u);
        JSON.parse(line);
      }),
    );
  });
});

describe("protobuf of sensor events", () => {
  it("is the plain message's", () => {
    const { decode, encode } = codec("tetragon.GetEventsResponse");
    for (const envelope of envelopes) {
      const writer = createEventWriter(envelope);
      fc.assert(
        fc.property(arbitrarySensorEvent, (event) => {
          expect(decode(writer.encode(event))).toEqual(
            decode(encode(plainMessage(event, envelope))),
          );
        }),
        { numRuns: 300 },
      );
    }
  });
});

function fail(): never {
  throw new Error("there is no sample");
}
