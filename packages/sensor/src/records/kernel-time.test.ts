// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createKernelClock } from "./kernel-time.ts";

describe("kernel clock", () => {
  it("adds exactly", () => {
    const century = 100n * 366n * 86_400n * 1_000_000_000n;
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: century }),
        fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
        (boot, offset) => {
          const low = Number(boot & 0xffff_ffffn);
          const { seconds, nanos } = createKernelClock(offset).wallTime(low, Number(boot >> 32n));
          expect(BigInt(seconds) * 1_000_000_000n + BigInt(nanos)).toBe(boot + offset);
          expect(nanos).toBeLessThan(1_000_000_000);
        },
      ),
    );
  });
});
