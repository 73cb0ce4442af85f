// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from "vitest";
import { cpuMs } from "./src/cpu-ms.ts";
import { targets } from "./targets/index.ts";

vi.setConfig({ testTimeout: 120_000 });

const size = 96 * 1024;

/**
 * These parsers do not count their steps in a way that a test could read, so they are timed, against an
 * innocent input of the same size in the same process. Quadratic time is hundreds of times as slow at this
 * size; the slowest remaining input is five times as slow.
 */
const mayBeSlower = 25;
/** Below this, the time is start-up and noise. */
const alwaysMs = 250;

describe.each(targets)("$name", ({ bombs, innocent, run }) => {
  const measure = (input: Buffer | string) => cpuMs(() => void run(Buffer.from(input)));
  const usual = measure(innocent(size)) && measure(innocent(size));

  it.each(Object.entries(bombs))("%s", (_, bomb) => {
    expect(measure(bomb(size))).toBeLessThan(Math.max(alwaysMs, mayBeSlower * usual));
  });
});
