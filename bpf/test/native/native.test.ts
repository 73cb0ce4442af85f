// SPDX-License-Identifier: Apache-2.0
// The programs' headers, compiled for this machine with sanitizers. `make -C bpf` builds the tests.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const tests = { paths: 10, rows: 22, index: 7, exec: 7, tallies: 8 };

it.each(Object.entries(tests))(
  "%s",
  (name, count) => {
    const program = fileURLToPath(new URL(`../../build/test/native/${name}`, import.meta.url));
    const { stdout, stderr, status } = spawnSync(program, {
      encoding: "utf8",
      env: { ASAN_OPTIONS: "detect_leaks=0" },
    });
    expect(stderr).toBe("");
    const lines = stdout.trimEnd().split("\n");
    expect(lines.filter((line) => !line.startsWith("ok "))).toEqual([]);
    expect(lines).toHaveLength(count);
    expect(status).toBe(0);
  },
  120_000,
);
