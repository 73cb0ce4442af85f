// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createExecIds, execId } from "./exec-id.ts";

const key = (start: bigint, pid: number) => ({
  pid,
  startLow: Number(start & 0xffff_ffffn),
  startHigh: Number(start >> 32n),
});

describe("exec_id", () => {
  it.each([
    // As existing consumers have them.
    ["(none)", 97449384713n, 6356, "KG5vbmUpOjk3NDQ5Mzg0NzEzOjYzNTY="],
    ["(none)", 280000000n, 1, "KG5vbmUpOjI4MDAwMDAwMDox"],
    ["(none)", 1n, 0, "KG5vbmUpOjE6MA=="],
  ])("%s %d %d", (node, start, pid, expected) => {
    expect(execId(node, key(start, pid))).toBe(expected);
    expect(createExecIds(node)(key(start, pid))).toBe(expected);
  });

  it("is the same when many are made", () => {
    const start = fc.bigInt({ min: 0n, max: 2n ** 54n });
    fc.assert(
      fc.property(fc.string(), start, fc.nat({ max: 2 ** 22 }), (node, time, pid) => {
        expect(createExecIds(node)(key(time, pid))).toBe(execId(node, key(time, pid)));
      }),
    );
  });

  it("is exact after 104 days and after 100 years of uptime", () => {
    for (const start of [2n ** 53n + 1n, 3_155_760_000_000_000_001n, 2n ** 64n - 1n]) {
      const text = Buffer.from(execId("n", key(start, 7)), "base64").toString();
      expect(text).toBe(`n:${start}:7`);
      expect(createExecIds("n")(key(start, 7))).toBe(execId("n", key(start, 7)));
    }
  });
});
