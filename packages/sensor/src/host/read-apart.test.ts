// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readApart } from "./read-apart.ts";

const folder = mkdtempSync(join(tmpdir(), "read-apart-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe("readApart", () => {
  it("gives the contents in their order, whatever they hold, up to the limit", async () => {
    const binary = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
    const paths = [
      file("a b\n", "one"),
      join(folder, "none"),
      file("empty", ""),
      file("long", binary),
    ];
    const contents = await readApart(paths, { limitBytes: 65_536 });
    expect(contents).toEqual([
      Buffer.from("one"),
      undefined,
      Buffer.alloc(0),
      binary.subarray(0, 65_536),
    ]);
  });

  it("reads many", async () => {
    const path = file("x", "x".repeat(1000));
    const contents = await readApart(Array(5000).fill(path), {
      limitBytes: 2000,
      atMostMs: 60_000,
    });
    expect(contents.filter((content) => content?.length === 1000)).toHaveLength(5000);
  });

  it("stops when the time is over, and leaves nobody behind", async () => {
    const start = performance.now();
    const contents = await readApart(Array(200_000).fill("/proc/self/smaps"), {
      limitBytes: 16_384,
      atMostMs: 300,
    });
    expect(performance.now() - start).toBeLessThan(5000);
    expect(contents).toHaveLength(200_000);
    expect(contents.at(-1)).toBeUndefined();
    for (let waited = 0; children() > 0; waited += 20) {
      expect(waited).toBeLessThan(5000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});

function children(): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      const [, command, , parent] =
        /^\d+ \((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
      return command === "read-files" && Number(parent) === process.pid;
    } catch {
      return false;
    }
  }).length;
}
