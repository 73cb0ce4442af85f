// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventOf, policyWith, recordingOf } from "../../test/recordings.ts";
import { type ReadCall, readRecording, writeRecording } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "recording-file-"));
const file = join(folder, "a.rec");

const policy = policyWith({
  ...{ call: "security_file_permission", syscall: false, args: [{ index: 0, type: "string" }] },
  selectors: [{ matchArgs: [{ index: 0, operator: "Equal", values: ["/a"] }] }],
});
const recorded = (texts: readonly string[]) =>
  recordingOf(
    [policy],
    texts.map((text, i) =>
      eventOf({ args: [{ string_arg: text }], process: { binary: `/${i % 3}` } }),
    ),
  );

async function write(texts: readonly string[], to = file): Promise<void> {
  const { header, calls, summary } = recorded(texts);
  await writeRecording(to, { header, lines: calls.lines(), summary });
}

async function read(from = file) {
  const calls: ReadCall[] = [];
  const result = await readRecording(from, { call: (call) => void calls.push(call) });
  return { ...result, calls };
}

/** The file with some lines changed. */
const forged = (change: (lines: string[]) => readonly string[]): string => {
  const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split("\n");
  const path = join(folder, "forged.rec");
  writeFileSync(path, gzipSync(`${change(lines).join("\n")}\n`));
  return path;
};

describe("the file of a recording", () => {
  test("has what was recorded, whatever the texts are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: "grapheme" }), { maxLength: 50 }),
        async (texts) => {
          const { header, summary } = recorded(texts);
          await write(texts);
          const found = await read();
          expect({ header: found.header, summary: found.summary }).toEqual({ header, summary });
          const all = found.calls.flatMap(({ args, count, facts }) =>
            Array.from({ length: count }, () => `${facts.binary} ${JSON.stringify(args)}`),
          );
          const given = texts.map(
            (text, i) => `/${i % 3} ${JSON.stringify([{ string_arg: text }])}`,
          );
          expect(all.toSorted()).toEqual(given.toSorted());
        },
      ),
      { numRuns: 50 },
    );
  });

  test("replaces the one before as a whole, and leaves nothing beside it", async () => {
    await write(["/a"]);
    await write(["/a", "/b"]);
    expect((await read()).summary.calls).toBe(2);
    expect(readdirSync(folder).filter((name) => name.includes("part"))).toEqual([]);
  });

  test("says where it can't be written, and keeps the one before", async () => {
    await expect(write(["/a"], join(folder, "none", "a.rec"))).rejects.toThrow(
      /Cannot write .*ENOENT/,
    );
  });

  test.each<[string, (lines: string[]) => readonly string[], RegExp]>([
    ["nothing", () => [], /it is no recording|line 1: it is not JSON/],
    ["another file", () => ['{"a":1}'], /it is no recording of gander/],
    [
      "a later version",
      ([header = "", ...rest]) => [header.replace('"version":1', '"version":2'), ...rest],
      /it has version 2, not 1/,
    ],
    ["no end", (lines) => lines.slice(0, -1), /its end is missing/],
    ["lines after the end", (lines) => [...lines, lines[1] ?? ""], /something follows its end/],
    [
      "a line less",
      (lines) => lines.filter((line) => !line.includes('"/b"')),
      /its end counts other calls/,
    ],
    [
      "a count that is none",
      (lines) => lines.map((line) => line.replace(/"count":1/, '"count":-1')),
      /line \d+: count/,
    ],
    [
      "a hook that is not there",
      (lines) => lines.map((line) => line.replace(/^\{"hook":0/, '{"hook":7')),
      /of no hook/,
    ],
    [
      "too many values",
      (lines) => lines.map((line) => line.replace(/^(\{"hook":0,"args":\[)/, "$1null,")),
      /of no hook/,
    ],
    [
      "a process that is not there",
      (lines) => lines.filter((line) => !line.includes('"facts":{"binary"')),
      /its process is not described/,
    ],
    [
      "an unknown field",
      (lines) => lines.map((line) => line.replace(/^\{"hook"/, '{"x":1,"hook"')),
      /line \d+: /,
    ],
    ["a line without an end", (lines) => [...lines.slice(0, 2), "x".repeat(2 << 20)], /too long/],
    ["deep nesting", (lines) => [lines[0] ?? "", "[".repeat(400_000)], /not JSON/],
    ["no text", (lines) => [lines[0] ?? "", "\u0000"], /not JSON/],
  ])("with %s is refused", async (_, change, message) => {
    await write(["/a", "/b"]);
    await expect(read(forged(change))).rejects.toThrow(message);
  });

  test("that was cut off is refused, wherever", async () => {
    await write(["/a", "/b", "/c"]);
    const whole = readFileSync(file);
    const path = join(folder, "cut.rec");
    for (let size = 0; size < whole.length; size += 7) {
      writeFileSync(path, whole.subarray(0, size));
      await expect(read(path), `${size}`).rejects.toThrow(/Cannot read the recording/);
    }
    await expect(read(join(folder, "none"))).rejects.toThrow(/ENOENT/);
    await expect(read(folder)).rejects.toThrow(/EISDIR/);
  });

  test("with random bytes changed is refused or read, without another error", async () => {
    await write(["/a", "/b", "/c"]);
    const text = gunzipSync(readFileSync(file));
    const path = join(folder, "random.rec");
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.nat(255), async (at, byte) => {
        const changed = Buffer.from(text);
        changed[at] = byte;
        writeFileSync(path, gzipSync(changed));
        await read(path).catch((error: Error) => {
          expect(error.message).toMatch(/Cannot read the recording/);
        });
      }),
      { numRuns: 300 },
    );
  });
});
