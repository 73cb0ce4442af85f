// SPDX-License-Identifier: Apache-2.0
// Programs and libraries that are mapped, as users see them.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const folder = "/tmp/loaded";
const program = `${folder}/program`;
const built = resolve(import.meta.dirname, "../../bpf/build/test/called");
const libc = /\/\S*\/libc[.-]\S*so\S*/.exec(readFileSync("/proc/self/maps", "utf8"))?.[0] ?? "";

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: loaded }
spec:
  loader: true
`;

/** In base64, as events have it. */
function buildIdOf(path: string): string {
  const content = readFileSync(path);
  // elf(5): the sizes of "GNU" and the build ID, NT_GNU_BUILD_ID.
  const note = Buffer.from([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, ...Buffer.from("GNU\0")]);
  const at = content.indexOf(note);
  assert.ok(at > 0, `${path} has no build ID`);
  return content.subarray(at + note.length, at + note.length + 20).toString("base64");
}

describe("files that are mapped to be executed", () => {
  let sensor: Sensor;
  let seen = 0;
  /** Since the previous call. */
  const mappings = async () => {
    await sensor.settled();
    const all = sensor
      .events()
      .flatMap(({ process_loader: event }) => (event === undefined ? [] : [event]));
    const fresh = all.slice(seen);
    seen = all.length;
    return fresh;
  };

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    copyFileSync(built, program);
    sensor = await Sensor.start({ policies: { "loaded.yaml": policy } });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a program and its libraries, with their build IDs, once each", async () => {
    await mappings();
    run(program, ["adds", "1", "2", "x", "y"]);
    const events = await mappings();
    const own = events.filter(({ path }) => path === program);
    assert.deepEqual(
      own.map(({ buildid }) => buildid),
      [buildIdOf(program)],
    );
    const [library, ...others] = events.filter(
      ({ path, process }) => process.binary === program && /\/libc[.-]/.test(path ?? ""),
    );
    assert.deepEqual(others, []);
    assert.equal(library?.buildid, buildIdOf(libc));
    assert.equal(library?.process.pid, own[0]?.process.pid);
  });

  test("no file that is only read, and nothing that is no file", async () => {
    await mappings();
    // Compiles at run time: memory that is executed, without a file. Reads its locale by mapping it.
    run(process.execPath, ["--eval", "for (let i = 0; i < 1e6; i++) Math.sqrt(i)"]);
    const events = await mappings();
    assert.ok(events.length > 0);
    for (const { path = "" } of events)
      assert.equal(readFileSync(path).subarray(1, 4).toString(), "ELF", path);
  });

  test("also after the sensor was killed and started again", async () => {
    await sensor.kill();
    await sensor.restart();
    await mappings();
    run(program, ["adds", "1", "2", "x", "y"]);
    assert.deepEqual(
      (await mappings()).filter(({ path }) => path === program).map(({ buildid }) => buildid),
      [buildIdOf(program)],
    );
  });

  test("nothing without the policy", async () => {
    sensor.removePolicy("loaded.yaml");
    const reports = async () => {
      await mappings();
      run(program, ["adds", "1", "2", "x", "y"]);
      return (await mappings()).length;
    };
    await waitUntil("the policy is gone", async () => (await reports()) === 0, 60_000);
  });
});
