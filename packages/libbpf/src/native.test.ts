// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { native } from "./native.ts";

const addon = fileURLToPath(new URL("../build/libbpf.node", import.meta.url));

/** Those that take nothing, or numbers to ask a kernel about, which is for the virtual machines. */
const harmless: ReadonlySet<string> = new Set([
  "takeLog",
  "enumNames",
  "possibleCpus",
  "pageSize",
  "enableStats",
  "probeProgramType",
  "probeMapType",
  "probeHelper",
  "probeKprobeMulti",
  "mapCreate",
  "perfOpen",
  "perfOpenMappings",
  "fdById",
  "nextId",
]);

type Call = (...values: unknown[]) => unknown;

describe("the native part", () => {
  it("needs libc alone, and none newer than that of Debian 12", () => {
    const dynamic = execFileSync("readelf", ["-dW", addon], { encoding: "utf8" });
    const needed = Array.from(dynamic.matchAll(/NEEDED.*\[(.*)\]/g), (match) => match[1]);
    // The loader is a part of libc: thread-local storage is its.
    expect(needed).toEqual(["libc.so.6", "ld-linux-x86-64.so.2"]);
    const symbols = execFileSync("readelf", ["--dyn-syms", "-W", addon], { encoding: "utf8" });
    const minors = Array.from(symbols.matchAll(/@GLIBC_2\.(\d+)/g), (match) => Number(match[1]));
    expect(Math.max(...minors)).toBeLessThanOrEqual(36);
  });

  // What TypeScript checks first: nothing of this may end the process.
  const functions = Object.entries(native()).filter(([name]) => !harmless.has(name));
  it.each(functions)("%s throws a TypeError or gives an error number", async (_, call) => {
    const values = [undefined, null, -1, 2 ** 40, "text", {}, [], new Uint8Array(3), () => {}];
    for (const value of values) {
      try {
        const result = await (call as Call)(value, value, value, value, value, value, value);
        expect(["number", "undefined"]).toContain(typeof result);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }
  });

  it("finds functions in files", () => {
    const libc = "/lib/x86_64-linux-gnu/libc.so.6";
    const symbols = execFileSync("readelf", ["--dyn-syms", "-W", libc], { encoding: "utf8" });
    const address = /([0-9a-f]+)\s+\d+ FUNC .* getppid@@/.exec(symbols)?.[1] ?? "";
    // In libc, as in most libraries, code lies in the file where it lies in memory.
    expect(native().symbolOffset(libc, "getppid")).toBe(Number.parseInt(address, 16));
    expect(native().symbolOffset(libc, "no_such_function")).toBeLessThan(0);
    expect(native().symbolOffset("/etc/passwd", "getppid")).toBeLessThan(0);
    expect(native().symbolOffset("/nope", "getppid")).toBeLessThan(0);
  });
});
