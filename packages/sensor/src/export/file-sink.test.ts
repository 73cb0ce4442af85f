// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFileSink, type FileSinkOptions } from "./file-sink.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-export-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(over: Partial<FileSinkOptions> = {}) {
  const errors: unknown[] = [];
  const path = join(folder, "logs", "events.json");
  const sink = createFileSink({
    path,
    maxBytes: 1000,
    maxAgeMs: 0,
    maxBackups: 5,
    compress: false,
    mode: 0o600,
    onHousekeepingError: (error) => errors.push(error),
    ...over,
  });
  const put = async (text: string) => {
    const bytes = Buffer.from(text);
    await sink.beforeChunk(bytes.length);
    expect(await sink.write(bytes, 0, bytes.length)).toBe(bytes.length);
  };
  return {
    sink,
    put,
    path,
    errors,
    backups: () =>
      readdirSync(join(folder, "logs"))
        .filter((name) => name !== "events.json")
        .sort(),
  };
}

const read = (name: string) => readFileSync(join(folder, "logs", name));

describe("file sink", () => {
  it("rotates before a file would be too large, and loses nothing", async () => {
    const { sink, put, backups } = open({ maxBackups: 100 });
    const all = Array.from({ length: 100 }, (_, i) => `${i} ${"x".repeat(90)}\n`);
    for (const line of all) await put(line);
    await sink.close();
    const files = [...backups(), "events.json"];
    expect(files.length).toBeGreaterThan(9);
    for (const name of files) expect(read(name).length).toBeLessThanOrEqual(1000);
    const lines = files.flatMap((name) =>
      read(name)
        .toString()
        .split("\n")
        .filter((line) => line !== ""),
    );
    expect(lines.map((line) => Number(line.split(" ")[0])).sort((a, b) => a - b)).toEqual(
      all.map((_, i) => i),
    );
    expect(backups()[0]).toMatch(/^events-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}(-\d+)?\.json$/);
  });

  it("keeps the newest backups", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const { sink, put, backups } = open({ maxBackups: 2, now: () => now });
    for (let i = 0; i < 6; i++, now += 1000) await put(`${i} ${"x".repeat(900)}\n`);
    await sink.close();
    expect(backups().map((name) => Number(read(name).toString()[0]))).toEqual([3, 4]);
    expect(read("events.json").toString()[0]).toBe("5");
  });

  it("rotates by age, and when it is told, but never an empty file", async () => {
    let now = 1_000_000;
    const { sink, put, backups } = open({ maxAgeMs: 5_000, now: () => now });
    sink.rotate();
    await put("a\n");
    now += 4_999;
    await put("b\n");
    expect(backups()).toEqual([]);
    now += 1;
    await put("c\n");
    expect(backups().length).toBe(1);
    sink.rotate();
    await put("d\n");
    await sink.close();
    expect(backups().length).toBe(2);
    expect(read("events.json").toString()).toBe("d\n");
  });

  it("compresses what it has put aside", async () => {
    const { sink, put, backups } = open({ compress: true });
    for (let i = 0; i < 3; i++) await put(`${i} ${"x".repeat(900)}\n`);
    await sink.close();
    expect(backups().every((name) => name.endsWith(".json.gz"))).toBe(true);
    expect(backups().map((name) => gunzipSync(read(name)).toString()[0])).toEqual(["0", "1"]);
    for (const name of backups())
      expect(statSync(join(folder, "logs", name)).mode & 0o777).toBe(0o600);
  });

  it("has the permissions that are asked for, also on a file that is there", async () => {
    const { sink, put, path } = open();
    await put("a\n");
    await sink.close();
    chmodSync(path, 0o644);
    const again = open();
    await again.put("b\n");
    await again.sink.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(read("events.json").toString()).toBe("a\nb\n");
  });

  it("does not join a line to half a line of an earlier sensor", async () => {
    const { sink, put, path } = open();
    await put("a\n");
    await sink.close();
    writeFileSync(path, 'a\n{"half');
    const again = open();
    await again.put("b\n");
    await again.sink.close();
    expect(read("events.json").toString()).toBe('a\n{"half\nb\n');
  });

  it("goes on in a new file when somebody has moved it away and says so", async () => {
    const { sink, put, path, backups } = open();
    await sink.open();
    expect(statSync(path).size).toBe(0);
    await put("a\n");
    renameSync(path, join(folder, "logs", "theirs"));
    sink.rotate();
    await put("b\n");
    await sink.close();
    expect(backups()).toEqual(["theirs"]);
    expect([read("theirs").toString(), read("events.json").toString()]).toEqual(["a\n", "b\n"]);
  });

  it("leaves files alone that are not its own", async () => {
    const { sink, put, backups } = open({ maxBackups: 0 });
    await put("a\n");
    for (const name of [
      "events-old.json",
      "events-2026.json",
      "other-2026-01-01T00-00-00.000.json",
    ])
      writeFileSync(join(folder, "logs", name), "mine");
    sink.rotate();
    await put("b\n");
    await sink.close();
    expect(backups()).toEqual([
      "events-2026.json",
      "events-old.json",
      "other-2026-01-01T00-00-00.000.json",
    ]);
  });
});
