// SPDX-License-Identifier: Apache-2.0
import { codec } from "@gander/proto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isEventOf } from "./event-node.ts";

const events = codec("tetragon.GetEventsResponse");
const name = fc.string({ unit: "binary", maxLength: 200 });

const event = (node: string, more = {}) => events.encode({ node_name: node, ...more });

it("takes events of the node, and of none that is named", () => {
  fc.assert(
    fc.property(name, name, fc.bigInt({ min: 0n, max: 2n ** 63n }), (node, binary, seconds) => {
      const bytes = event(node, {
        process_exec: { process: { binary } },
        time: { seconds: String(seconds) },
        cluster_name: binary,
        node_labels: { [binary]: node },
      });
      expect(isEventOf(Buffer.from(node), bytes)).toBe(true);
      expect(isEventOf(Buffer.from(`${node}x`), bytes)).toBe(node === "");
    }),
  );
});

it("takes none that names another node, be it first or last", () => {
  const both = (first: string, second: string) => Buffer.concat([event(first), event(second)]);
  expect(isEventOf(Buffer.from("a"), both("a", "a"))).toBe(true);
  expect(isEventOf(Buffer.from("a"), both("b", "a"))).toBe(false);
  expect(isEventOf(Buffer.from("a"), both("a", "b"))).toBe(false);
});

it("takes no event that is cut off", () => {
  const whole = event("node-a", { process_exec: { process: { binary: "/bin/true" } } });
  const cuts = Array.from(whole, (_, length) =>
    isEventOf(Buffer.from("node-a"), whole.subarray(0, length)),
  );
  // Between two fields it is an event again.
  expect(cuts.filter(Boolean).length).toBe(2);
});

it("reads any bytes to their end, and says of what the library can't read that it is no event", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const isTaken = isEventOf(Buffer.from("a"), bytes);
      let isReadable = true;
      try {
        const { node_name = "a" } = events.decode(bytes);
        if (node_name !== "a" && node_name !== "") expect(isTaken).toBe(false);
      } catch {
        isReadable = false;
      }
      // The other way round it isn't so: the library passes over groups, and looks into fields.
      if (isReadable === false && isTaken) expect(bytes.length).toBeGreaterThan(1);
    }),
    { numRuns: 2000 },
  );
});
