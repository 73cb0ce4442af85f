// SPDX-License-Identifier: Apache-2.0
// gander record, and what replay and compare say of it: what enforcing then does, to the call. What is lost is said.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const folder = "/run/gander-recordings";
const secret = `${folder}/secret`;
const other = `${folder}/other`;

/** Denies a program, unless it is one of these, to open what begins with a path. */
const guard = (path: string, binaries: readonly string[]) => `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: guard }
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args: [{ index: 0, type: file }]
    selectors:
    - matchArgs: [{ index: 0, operator: Prefix, values: [${path}] }]
      matchBinaries: [{ operator: NotIn, values: ${JSON.stringify(binaries)} }]
      matchActions: [{ action: Override, argError: -1 }]
`;

/** What programs do; how many of their reads were refused. */
function work(): number {
  const reads: readonly (readonly [string, string, number])[] = [
    ["/usr/bin/cat", secret, 3],
    ["/usr/bin/head", secret, 2],
    ["/usr/bin/cat", other, 4],
  ];
  let refused = 0;
  for (const [program, file, times] of reads)
    for (let i = 0; i < times; i++) if (run(program, [file]).status !== 0) refused++;
  return refused;
}

type Row = {
  readonly verdict: string;
  readonly binary: string;
  readonly calls: number;
};

interface Report {
  readonly totals: Readonly<Record<string, number>>;
  readonly calls: readonly Row[];
  readonly changes: readonly Row[];
  readonly gaps: readonly string[];
  readonly complete: boolean;
  readonly recording: { readonly calls: number; readonly lines: number };
}

const brief = (rows: readonly Row[]) =>
  rows.map(({ calls, verdict, binary }) => `${calls} ${verdict} ${binary}`).toSorted();

/** `gander record`, from its first call until it is stopped. */
async function record(policy: string, output: string, more: readonly string[] = []) {
  const child = spawn("gander", ["record", "--policy", policy, "--output", output, ...more], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const begun = () => /Recording/.test(said) || child.exitCode !== null;
  await waitUntil("the recording begins", begun, 60_000);
  assert.equal(child.exitCode, null, said);
  return {
    said: () => said,
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGINT");
      const [status] = await ended;
      return { status, said };
    },
  };
}

describe("recordings", { timeout: 900_000 }, () => {
  let sensor: Sensor;
  let said = "";
  const files = {
    policy: `${folder}/policy.yaml`,
    changed: `${folder}/changed.yaml`,
    flood: `${folder}/flood.yaml`,
    recording: `${folder}/a.rec`,
    lossy: `${folder}/b.rec`,
    restarted: `${folder}/c.rec`,
  };
  before(async () => {
    mkdirSync(folder, { recursive: true });
    for (const file of [secret, other]) writeFileSync(file, "x\n");
    writeFileSync(files.policy, guard(secret, ["/usr/bin/head"]));
    writeFileSync(files.changed, guard(secret, ["/usr/bin/head", "/usr/bin/cat"]));
    writeFileSync(
      files.flood,
      guard(secret, ["/usr/bin/head"]).replace("security_file_open", "security_file_permission"),
    );
    sensor = await Sensor.start({ flags: ["--rb-size", "1Mi"] });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const json = (...argv: readonly string[]): Report & { readonly status: number | null } => {
    const result = gander("policy", ...argv, "-o", "json");
    assert.ok(result.output.startsWith("{"), describeResult(result));
    return { ...JSON.parse(result.output), status: result.status };
  };

  test("a replay says what enforcing then does, and nothing is in force meanwhile", async () => {
    const recording = await record(files.policy, files.recording);
    assert.equal(work(), 0, "recording denies nothing");
    const ended = await recording.stop();
    said = ended.said;
    assert.equal(ended.status, 0, said);
    assert.match(said, /nothing was lost/);
    const report = json("replay", files.policy, "--recording", files.recording);
    assert.equal(report.status, 0, JSON.stringify(report.gaps));
    assert.deepEqual(brief(report.calls.filter(({ verdict }) => verdict !== "allowed")), [
      "3 denied /usr/bin/cat",
    ]);
    assert.equal(report.totals.unknown, 0);
    sensor.writePolicy("guard.yaml", guard(secret, ["/usr/bin/head"]));
    await waitUntil("the policy is in force", () => run("/usr/bin/cat", [secret]).status !== 0);
    assert.equal(work(), report.totals.denied);
    sensor.removePolicy("guard.yaml");
    await waitUntil("it is not", () => run("/usr/bin/cat", [secret]).status === 0);
  });

  test("compare shows exactly the calls that a changed line decides otherwise", () => {
    const { recording, policy, changed } = files;
    const there = json("compare", policy, changed, "--recording", recording);
    assert.equal(there.status, 0);
    assert.deepEqual(brief(there.changes), ["3 newly allowed /usr/bin/cat"]);
    const back = json("compare", changed, policy, "--recording", recording);
    assert.deepEqual(brief(back.changes), ["3 newly denied /usr/bin/cat"]);
    const same = gander("policy", "compare", policy, policy, "--recording", recording);
    assert.match(same.output, /\d+ unchanged\n$/);
    const shown = gander("policy", "compare", policy, changed, "--recording", recording).output;
    assert.match(shown, /^ *3 +newly allowed +security_file_open +\/usr\/bin\/cat/m);
    console.log(
      `${said}${gander("policy", "replay", policy, "--recording", recording).output}${shown}`,
    );
  });

  test("a flood loses calls, and the recording says so", async () => {
    const recording = await record(files.flood, files.lossy);
    run("/usr/bin/dd", ["if=/dev/zero", "of=/dev/null", "bs=1", "count=100000"]);
    const { status, said } = await recording.stop();
    assert.equal(status, 2, said);
    assert.match(said, /INCOMPLETE/);
    const replay = ["replay", files.flood, "--recording", files.lossy] as const;
    const report = json(...replay);
    assert.equal(report.status, 2);
    assert.equal(report.complete, false);
    assert.match(report.gaps.join("\n"), /^\d+ calls of the policy guard were lost/);
    assert.equal(json(...replay, "--allow-loss").status, 0);
    const shown = gander("policy", ...replay).output;
    assert.match(shown, /proves nothing about the calls/);
    console.log(`${said}${shown}`);
  });

  test("it goes on after a restart of the sensor, which is a gap", async () => {
    const recording = await record(files.policy, files.restarted);
    run("/usr/bin/head", [secret]);
    await sensor.kill();
    await sensor.restart();
    await waitUntil("it goes on", () => /was restarted/.test(recording.said()), 60_000);
    run("/usr/bin/cat", [secret]);
    const { status, said } = await recording.stop();
    assert.equal(status, 2, said);
    const report = json("replay", files.policy, "--recording", files.restarted);
    assert.match(report.gaps.join("\n"), /may be missing: the sensor was restarted/);
    assert.equal(report.totals.denied, 1, JSON.stringify(report.totals));
    const left = gander("policy", "list").output.match(/gander-record\S*/g) ?? [];
    assert.deepEqual(left, [], "no companion is left");
  });
});
