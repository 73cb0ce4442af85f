// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import type { ExecProbe } from "../workload/pod-details.ts";
import { readArguments } from "./command-line.ts";
import { maybeExecProbe, type ProbeCandidate } from "./exec-probe.ts";
import { processFlag } from "./process-flags.ts";

/** A process as it is shown that runs `argv` from this file. */
function runs(
  binary: string,
  argv: readonly string[],
  probes: readonly ExecProbe[],
  flags: number = processFlag.execve,
): ProbeCandidate {
  const bytes = Buffer.from(`${argv.join("\0")}\0`);
  const workload = { containerId: "c", pod: {}, ...(probes.length > 0 && { execProbes: probes }) };
  return { binary, arguments: readArguments(bytes, 0, bytes.length), flags, workload };
}

const sh = ["/bin/sh", "-c", "test -e /tmp/ok"];

describe("an exec probe", () => {
  it.each<[string, string, readonly string[], ExecProbe, boolean]>([
    ["its command", "/bin/sh", sh, sh, true],
    ["a program without arguments", "/check", ["/check"], ["/check"], true],
    ["a program found in PATH", "/usr/bin/cat", ["cat", "/tmp/ok"], ["cat", "/tmp/ok"], true],
    ["an empty argument", "/bin/a", ["/bin/a", ""], ["/bin/a", ""], true],
    ["text of any kind", "/bin/a", ["/bin/a", 'é"\n x'], ["/bin/a", 'é"\n x'], true],
    ["other arguments", "/bin/sh", [...sh, "x"], sh, false],
    ["fewer arguments", "/bin/sh", sh.slice(0, 2), sh, false],
    ["another program", "/tmp/sh", sh, sh, false],
    ["a script", "/s.sh", ["/bin/sh", "/s.sh", "5"], ["/s.sh", "5"], true],
    ["a script by env", "/s.sh", ["/usr/bin/env", "bash", "/s.sh"], ["/s.sh"], true],
    ["a script beside it", "/app/s.sh", ["/bin/sh", "./s.sh"], ["./s.sh"], true],
    ["a script with more", "/s.sh", ["/bin/sh", "x", "y", "/s.sh"], ["/s.sh"], false],
    ["nothing", "", [""], [], false],
    ["an empty program", "/bin/a", ["/bin/a"], [""], false],
  ])("is recognized by %s: %s %j as %j: %s", (_, binary, argv, probe, expected) => {
    expect(maybeExecProbe(runs(binary, argv, [["/other"], probe]))).toBe(expected);
  });

  it.each([
    ["a process of the container's own", processFlag.inInitTree],
    ["cut arguments", processFlag.truncArgs],
    ["unreadable arguments", processFlag.errorArgs],
    ["a process that no record described", processFlag.unknown],
  ])("is not %s", (_, flag) => {
    expect(maybeExecProbe(runs("/bin/sh", sh, [sh], processFlag.execve | flag))).toBe(false);
  });

  it("needs a container with probes", () => {
    expect(maybeExecProbe(runs("/bin/sh", sh, []))).toBe(false);
  });
});
