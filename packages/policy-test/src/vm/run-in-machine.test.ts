// SPDX-License-Identifier: Apache-2.0
// What a virtual machine is started with: a program in its place says it.
import { chmodSync, mkdirSync, mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { runInMachine } from "./run-in-machine.ts";

/** In the sources' place: prints its arguments. */
async function run(argv: readonly string[], files: readonly string[]) {
  using folder = mkdtempDisposableSync(join(tmpdir(), "gander-machine-"));
  const sources = folder.path;
  mkdirSync(join(sources, "e2e"));
  writeFileSync(join(sources, "e2e/vm"), '#!/bin/sh\necho "$@"\necho wrong >&2\nexit 3\n');
  chmodSync(join(sources, "e2e/vm"), 0o755);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const status = await runInMachine(argv, files, {
    kernel: "6.1",
    stdout,
    stderr,
    signal,
    sources,
  });
  stdout.end();
  stderr.end();
  return { status, stdout: await text(stdout), stderr: await text(stderr) };
}

describe("a virtual machine for a command", () => {
  it("has the folder in which the command is run, and gives its answer", async () => {
    expect(await run(["policy", "test", "policies/"], ["policies/"])).toEqual({
      status: 3,
      stdout: `--kernel 6.1 --timeout 1800 --share ${process.cwd()} -- env -C /share gander policy test policies\n`,
      stderr: "wrong\n",
    });
  });

  it("is refused a file that it would not have", async () => {
    const outside = "/elsewhere/gander-test.yaml";
    await expect(run([outside], [outside])).rejects.toThrow(`would not have ${outside}`);
  });

  it("needs the sources", async () => {
    const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
    const { signal } = new AbortController();
    const options = { kernel: "6.1", ...streams, signal, sources: "/nowhere" };
    await expect(runInMachine([], [], options)).rejects.toThrow(
      "Cannot start a virtual machine: that needs a checkout of Gander's sources",
    );
  });
});
