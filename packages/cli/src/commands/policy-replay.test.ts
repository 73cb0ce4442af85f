// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { writeRecording } from "@gander/policy-test/recording";
import { beforeAll, describe, expect, test } from "vitest";
import { eventOf, policyWith, recordingOf } from "../../../policy-test/test/recordings.ts";
import type { Command } from "../command.ts";
import { policyCompare } from "./policy-compare.ts";
import { policyReplay } from "./policy-replay.ts";

const folder = mkdtempSync(join(tmpdir(), "replay-"));
const at = (name: string) => join(folder, name);

async function run(command: Command, ...args: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const status = await command.run(args, {
    ...{ stdin: Readable.from([]), stdout, stderr, env: {} },
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, out, err };
}

const entry = (path: string, more: object = {}) => ({
  ...{ call: "security_file_open", syscall: false, args: [{ index: 0, type: "file" }] },
  selectors: [
    {
      matchArgs: [{ index: 0, operator: "Prefix", values: [path] }],
      ...more,
      matchActions: [{ action: "Override", argError: -1 }],
    },
  ],
});
const byRoot = { matchProcess: [{ property: "User", operator: "In", values: ["0"] }] };

/** Writes the policy to a file. */
function written(name: string, kprobe: object, options: readonly object[] = []): string {
  const { policy } = policyWith(kprobe, "guard");
  writeFileSync(at(name), JSON.stringify({ ...policy, spec: { ...policy.spec, options } }));
  return at(name);
}

const opened = (path: string, binary = "/bin/a") =>
  eventOf({
    args: [{ file_arg: { path, permission: "-rw-r--r--" } }],
    process: { binary, pod: { namespace: "shop", name: "web-1" } },
  });

describe("gander policy replay and compare", () => {
  const events = [
    opened("/etc/a"),
    opened("/etc/a"),
    opened("/b"),
    opened("/etc/\u001b[31mb", "/bin/\u001b]0;b"),
  ];
  let files: Record<"etc" | "all" | "root" | "elsewhere" | "monitor", string>;
  beforeAll(async () => {
    const { header, calls, summary } = recordingOf([policyWith(entry("/etc"))], events);
    const content = { header, lines: [...calls.lines()], summary };
    await writeRecording(at("whole.rec"), content);
    const losses = [{ why: "lost", calls: 7, policy: "guard" }] as const;
    await writeRecording(at("lossy.rec"), { ...content, summary: { ...summary, losses } });
    files = {
      etc: written("etc.yaml", entry("/etc")),
      all: written("all.yaml", entry("/")),
      root: written("root.yaml", entry("/etc", byRoot)),
      elsewhere: written("elsewhere.yaml", { ...entry("/etc"), call: "security_file_permission" }),
      monitor: written("monitor.yaml", entry("/etc"), [{ name: "policy-mode", value: "monitor" }]),
    };
  });
  const whole = () => ["--recording", at("whole.rec")];
  const lossy = () => ["--recording", at("lossy.rec")];

  test("shows what is denied, safe for a terminal, and counts the rest", async () => {
    const { status, out, err } = await run(policyReplay, files.etc, ...whole());
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toMatch(/^.*: 4 calls, 3 different, /);
    expect(out).toContain("0 killed, 3 denied, 0 reported, 0 unknown, 1 allowed\n");
    expect(out).toMatch(/^ +2 {2}denied +security_file_open +\/bin\/a +shop\/web-1 +\/etc\/a$/m);
    expect(out).not.toContain("\u001b");
  });

  test("says as JSON what is allowed, too", async () => {
    const { status, out } = await run(policyReplay, files.etc, "-o", "json", ...whole());
    const { totals, calls, complete } = JSON.parse(out);
    expect({ status, complete }).toEqual({ status: 0, complete: true });
    expect(totals).toEqual({ killed: 0, denied: 3, reported: 0, unknown: 0, allowed: 1 });
    expect(calls).toHaveLength(3);
  });

  test("what is unknown is said, with the reason", async () => {
    const { status, out } = await run(policyReplay, files.root, ...whole());
    expect(status).toBe(0);
    expect(out).toContain("0 denied, 0 reported, 3 unknown, 1 allowed");
    expect(out).toContain("  - properties of the process (matchProcess): 3 calls");
  });

  test("a policy in mode monitor is taken to enforce, and that is said", async () => {
    const { out } = await run(policyReplay, files.monitor, ...whole());
    expect(out).toContain("guard is in mode monitor: shown is what it would do in mode enforce.");
    expect(out).toContain("3 denied");
  });

  test("an incomplete recording proves nothing about what is missing", async () => {
    const refused = await run(policyReplay, files.etc, ...lossy());
    expect(refused.status).toBe(2);
    expect(refused.out).toMatch(
      /proves nothing about the calls that are missing:\n {2}- 7 calls of the policy guard were lost/,
    );
    const allowed = await run(policyReplay, files.etc, "--allow-loss", ...lossy());
    expect({ ...allowed, status: 2 }).toEqual(refused);
    expect(allowed.status).toBe(0);
    expect((await run(policyCompare, files.etc, files.all, ...lossy())).status).toBe(2);
  });

  test("a hook that was not recorded is missing", async () => {
    const { status, out } = await run(policyReplay, files.elsewhere, ...whole());
    expect(status).toBe(2);
    expect(out).toContain(
      "The calls of spec.kprobes[0] (security_file_permission) of the policy guard are not in it.",
    );
  });

  test.each([
    ["etc", "all", "1 newly denied; 3 unchanged"],
    ["all", "etc", "1 newly allowed; 3 unchanged"],
    ["etc", "root", "3 unknown; 1 unchanged"],
    ["root", "root", "4 unchanged"],
  ] as const)("compares %s with %s: %s", async (before, after, counts) => {
    const { status, out } = await run(policyCompare, files[before], files[after], ...whole());
    expect(status).toBe(0);
    expect(out).toContain(`\n${counts}\n`);
  });

  test("without a recording, compare shows the sentences that change", async () => {
    const { status, out } = await run(policyCompare, files.etc, files.all);
    expect(status).toBe(0);
    expect(out).toMatch(/^-.*begins with "\/etc"$/m);
    expect(out).toMatch(/^\+.*begins with "\/"$/m);
    expect((await run(policyCompare, files.etc, files.etc)).out).toBe(
      "The policies say the same.\n",
    );
  });

  test.each([
    [["none.yaml"], /Cannot read/],
    [[], /needs|at least|FILE/],
  ])("wrong files are said, with status 2: %j", async (args, message) => {
    const { status, err } = await run(policyReplay, ...args, ...whole());
    expect(status).toBe(2);
    expect(err).toMatch(message);
  });

  test("a recording is needed", async () => {
    const { status, err } = await run(policyReplay, files.etc);
    expect(status).toBe(2);
    expect(err).toContain("--recording is needed");
  });
});
