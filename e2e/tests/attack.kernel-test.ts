// SPDX-License-Identifier: Apache-2.0
// `gander attack run --here`, as a user runs it: without a sensor, and with one that has the guards of the library.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { findAttacks } from "../../packages/policy-test/src/attacks/find-attacks.ts";
import { run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";

const root = resolve(import.meta.dirname, "../..");
const pack = join(root, "policies/container-escape");

const attacks = findAttacks(["container-escape"]);
const guarded = attacks.flatMap(({ name, level }) => (level === "guard" ? [name] : []));

type Result = {
  readonly attack: string;
  readonly case: string;
  readonly outcome: string;
  readonly error: string;
  readonly reports: readonly { readonly policy: string; readonly action: string }[];
};

function attack(what: string) {
  const {
    output,
    errors: stderr,
    status,
  } = run("gander", ["attack", "run", what, "--here", "-o", "json"]);
  assert.ok(status === 0 || status === 1, `${status}: ${stderr}`);
  const { sensorAsked, results }: { sensorAsked: boolean; results: readonly Result[] } =
    JSON.parse(output);
  return { status, stderr, sensorAsked, results };
}

/** The guards of the pack, for a machine without Kubernetes: for all processes. */
function guards(): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of guarded) {
    const [document] = parseAllDocuments(readFileSync(join(pack, name, "policy.yaml"), "utf8"));
    document?.deleteIn(["spec", "podSelector"]);
    files[`${name}.yaml`] = `${document}`;
  }
  return files;
}

const leftovers = () => [
  ...readdirSync("/sys/fs/cgroup").filter((name) => name.startsWith("gander-attack")),
  ...(existsSync("/var/tmp/gander-policy-test") ? readdirSync("/var/tmp/gander-policy-test") : []),
  ...readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes("gander-policy-test")),
];

test("act does nothing outside of a container", () => {
  const act = join(root, "packages/policy-test/native/build/act");
  for (const args of [
    ["here", "create", "/tmp/made"],
    ["series", "0", "2", "create", "/tmp/made"],
  ]) {
    const { status, errors } = run(act, args);
    assert.deepEqual([status, errors.trim()], [123, "act does nothing outside of a container"]);
  }
  assert.ok(!existsSync("/tmp/made"));
});

test("a series ends as its last operation, or as the first that is not done", () => {
  const act = join(root, "packages/policy-test/native/build/act");
  const series = (...steps: readonly string[]) => {
    const words = steps.map((step) => step.split(" "));
    const counted = words.flatMap((one) => [String(one.length), ...one]);
    const namespaces = ["--pid", "--fork", "--mount", "--mount-proc"];
    const { status, errors } = run("unshare", [...namespaces, act, "series", "0", ...counted]);
    return [status, errors.trim()];
  };
  const folder = "/tmp/gander-series";
  assert.deepEqual(series(`place ${folder}/a/b 0644 text`, `read ${folder}/a/b`), [0, ""]);
  assert.deepEqual(series(`read ${folder}/none`), [121, `ENOENT ${folder}/none`]);
  const stopped = series(`mkdir ${folder}`, `create ${folder}/made`);
  assert.deepEqual(stopped, [122, "EEXIST mkdir"]);
  assert.deepEqual(series(`require ${folder}/none`, `create ${folder}/made`)[0], 124);
  assert.ok(!existsSync(`${folder}/made`));
  // It stands in for a program, whatever that is given.
  assert.deepEqual(series(`standIn ${folder}/bash`, `execute ${folder}/bash -c exit`), [0, ""]);
  assert.deepEqual(series(`copy ${act} ${folder}/tool 0755`, `execute ${folder}/tool x`), [0, ""]);
  // As another program, which is a copy of it.
  const byTool = `by ${folder}/own create ${folder}/by-tool`;
  assert.equal(series(byTool)[0], 123);
  assert.ok(!existsSync(`${folder}/by-tool`));
  assert.deepEqual(series(`copy /proc/self/exe ${folder}/own 0755`, byTool), [0, ""]);
  assert.ok(existsSync(`${folder}/by-tool`));
  assert.deepEqual(series(byTool), [121, `EEXIST ${folder}/by-tool`]);
  assert.equal(series("nothing")[0], 123);
  rmSync(folder, { recursive: true });
});

test("without a sensor they succeed, and nothing is left of them", () => {
  const { status, stderr, sensorAsked, results } = attack("container-escape");
  assert.match(stderr, /no sensor is asked: Cannot reach the sensor/);
  assert.deepEqual([status, sensorAsked], [1, false]);
  // A virtual machine may lack the device.
  const others = results.filter(
    ({ outcome, error }) => outcome !== "succeeded" && !error.startsWith("ENXIO"),
  );
  assert.deepEqual(others, []);
  assert.equal(results.length, attacks.flatMap(({ cases }) => cases).length);
  assert.deepEqual(leftovers(), []);
  assert.ok(!existsSync("/etc/kubernetes/manifests/evil.yaml"));
});

test("guards refuse them and say so", async () => {
  await using sensor = await Sensor.start({ policies: guards() });
  const { status, sensorAsked, results } = attack("container-escape");
  assert.deepEqual([status, sensorAsked], [1, true], sensor.log().slice(-2000));
  const said = results.map(({ attack: name, case: title, outcome, error, reports }) => ({
    ...{ name, title, outcome, error },
    by: reports.map(({ policy, action }) => `${action} by ${policy}`).join(),
  }));
  assert.ok(guarded.length > 3);
  // Without pods the guards are for what prepares a container, too: it may not write such a file either.
  for (const one of said.filter(({ name }) => guarded.includes(name)))
    assert.deepEqual(one, {
      ...one,
      outcome: "refused",
      by: one.error.startsWith("before: ") ? "" : `denied by ${one.name}`,
    });
  const reported = guarded.filter((name) => said.some((one) => one.name === name && one.by !== ""));
  assert.deepEqual(
    reported,
    guarded.filter((name) => name !== "runtime-programs"),
  );
  // Of policies that are not there.
  for (const one of said.filter(({ name }) => !guarded.includes(name)))
    assert.deepEqual(one, { ...one, outcome: "succeeded", by: "" });
  assert.deepEqual(leftovers(), []);
  rmSync("/var/tmp/gander-policy-test", { recursive: true, force: true });
});
