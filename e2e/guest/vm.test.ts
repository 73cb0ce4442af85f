// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const vm = resolve(import.meta.dirname, "../vm");

interface Outcome {
  readonly status: number | string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function runVm(...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    execFile(vm, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const status = error ? (error.code ?? undefined) : 0;
      // On a busy machine it says that it waits for its turn.
      done({ status, stdout, stderr: stderr.replace(/^vm: waiting.*\n/, "") });
    });
  });
}

describe("e2e/vm", { timeout: 120_000 }, () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "gander-vm-test-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it("gives the command's output, errors and status, byte for byte", async () => {
    const script = "printf 'out\\n\\t\\0\\377'; printf 'err' >&2; exit 3";
    const outcome = await runVm("--", "bash", "-c", script);
    expect(outcome).toEqual({ status: 3, stdout: "out\n\t\0\ufffd", stderr: "err" });
  });

  it("carries files in by --share and out by --out, and much output", async () => {
    writeFileSync(join(directory, "in"), "carried");
    const out = join(directory, "results");
    const script = "cp /share/in /out/; head -c 3000000 /dev/zero; cat /proc/cmdline >&2";
    const outcome = await runVm(
      ...["--kernel", "6.1", "--share", directory, "--out", out, "--append", "marker=1"],
      ...["--icount", "--", "bash", "-c", script],
    );
    expect(outcome.status).toBe(0);
    expect(outcome.stdout.length).toBe(3_000_000);
    expect(outcome.stderr).toContain("marker=1");
    expect(readFileSync(join(out, "in"), "utf8")).toBe("carried");
  });

  it("takes a status that arrives in pieces, as on a busy machine", async () => {
    const script = `for entry in /sys/class/virtio-ports/*; do
      [[ $(< $entry/name) == status ]] && port=/dev/\${entry##*/}
    done
    printf 4 > $port; sleep 1; echo 2 > $port; sleep 100`;
    expect(await runVm("--", "bash", "-c", script)).toMatchObject({ status: 42, stderr: "" });
  });

  it("stops a command that takes too long", async () => {
    const outcome = await runVm("--timeout", "4", "--", "sleep", "1000");
    expect(outcome.status).toBe(124);
    expect(outcome.stderr).toContain("stopped after 4 s");
  });

  it("shows output as it comes, and takes the machine with it when it is stopped", async () => {
    const child = spawn(vm, ["--", "bash", "-c", "echo begun; sleep 1000"]);
    const [chunk] = await once(child.stdout, "data");
    expect(String(chunk)).toBe("begun\n");
    child.kill("SIGTERM");
    // Only when QEMU has gone do its pipes close.
    const [status] = await once(child, "close");
    expect(status).toBe(143);
  });

  it("does not wait for what the command left running", async () => {
    const outcome = await runVm("--timeout", "60", "--", "bash", "-c", "sleep 1000 & echo done");
    expect(outcome).toEqual({ status: 0, stdout: "done\n", stderr: "" });
  });

  it("says that the kernel died, with its last words", async () => {
    const outcome = await runVm("--", "bash", "-c", "echo c > /proc/sysrq-trigger");
    expect(outcome.status).toBe(125);
    expect(outcome.stderr).toContain("Kernel panic");
  });

  it("gives 127 for a command that is not there", async () => {
    const outcome = await runVm("--", "no-such-command");
    expect(outcome.status).toBe(127);
    expect(outcome.stderr).toContain("no-such-command");
  });

  it.each([
    [["--kernel"], "--kernel needs a value"],
    [["--kernel", "new", "--", "true"], "--kernel new"],
    [["--bogus", "--", "true"], "unknown option --bogus"],
    [["--share", "/nowhere", "--", "true"], "no such directory"],
    [["--"], "no command given"],
  ])("refuses %j", async (args, message) => {
    const outcome = await runVm(...args);
    expect(outcome.status).toBe(2);
    expect(outcome.stderr).toContain(message);
  });

  it("names the kernels there are when asked for another", async () => {
    const outcome = await runVm("--kernel", "2.4", "--", "true");
    expect(outcome.status).toBe(125);
    expect(outcome.stderr).toContain("6.12");
  });
});
