// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { inheritMarks } from "./followed-processes.ts";

const process = (pid: number, parent: number, marks = 0n) => ({
  pid,
  key: `${pid}`,
  parent: `${parent}`,
  marks,
});

describe("inheritMarks", () => {
  it("gives descendants the marks of their ancestors, and others none", () => {
    const processes = [
      process(4, 3),
      process(3, 2),
      process(2, 1, 0b1n),
      process(1, 0),
      process(5, 1),
    ];
    expect(inheritMarks(processes, () => 0n, 0b11n)).toEqual(
      new Map([
        [4, 1n],
        [3, 1n],
      ]),
    );
  });

  it("also counts marks that are kept by pid", () => {
    const extra = (pid: number) => (pid === 1 ? 0b10n : 0n);
    expect(inheritMarks([process(2, 1, 0b1n), process(1, 0)], extra, 0b10n)).toEqual(
      new Map([
        [2, 0b10n],
        [1, 0b10n],
      ]),
    );
  });

  it("ends where a table was read while it changed", () => {
    expect(inheritMarks([process(1, 2), process(2, 1, 1n)], () => 0n, 1n).size).toBeLessThan(3);
  });
});
