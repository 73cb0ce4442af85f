// SPDX-License-Identifier: Apache-2.0
// Paths that a file or a process has at no time: read while somebody renames, or named by PR_SET_MM.
import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { after, before, describe, test } from "node:test";
import { attackProgram, describeResult, run, startAttack } from "./lib/attack.ts";
import { plainPolicy } from "./lib/plain-policy.ts";
import { Sensor } from "./lib/sensor.ts";

const asUser = ["--reuid", "1000", "--regid", "1000", "--clear-groups", attackProgram];
const user = (...argv: readonly string[]) => run("setpriv", [...asUser, ...argv]);

/** Not a kill: whoever renames his own files again and again has a path that can't be told at times. */
const deny = "{action: Override, argError: -1}";

const actions = [`- ${deny}`];

const trusted = (name: string, identity = "path") =>
  plainPolicy({
    ...{ name, prefix: `/srv/${name}/`, actions },
    kind: identity === "file" ? "GuardPolicy" : "TracingPolicy",
    filters: [
      `matchBinaries: [{operator: NotIn, values: ["/usr/bin/tee"], identity: ${identity}}]`,
    ],
  });

const forged = ["by-path", "by-identity"] as const;

describe("paths that never were", () => {
  let sensor: Sensor;
  const waiting: ReturnType<typeof startAttack>[] = [];
  before(async () => {
    for (const directory of ["guard", "free", "names", ...forged]) {
      mkdirSync(`/srv/${directory}`, { recursive: true });
      chmodSync(`/srv/${directory}`, 0o777);
    }
    for (const name of forged)
      for (const file of ["before", "control"]) {
        writeFileSync(`/srv/${name}/${file}`, "");
        chmodSync(`/srv/${name}/${file}`, 0o666);
      }
    for (const name of forged) {
      const forging = startAttack(
        ...["shared-exe", `/srv/${name}/before`, "landed", "/run/forged-go", "/usr/bin/tee"],
      );
      assert.equal(await forging.nextLine(), "waiting");
      waiting.push(forging);
    }
    sensor = await Sensor.start({
      policies: {
        "guard.yaml": plainPolicy({ name: "guard", prefix: "/srv/guard/", actions }),
        "names.yaml": plainPolicy({ name: "names", postfix: ".secret", actions }),
        "by-path.yaml": trusted("by-path"),
        "by-identity.yaml": trusted("by-identity", "file"),
      },
    });
  });
  after(async () => {
    for (const { process } of waiting) process.kill("SIGKILL");
    await sensor?.[Symbol.asyncDispose]();
  });

  for (const name of forged)
    test(`a binary that was named from a user namespace that shares the memory: ${name}`, async () => {
      const control = run("bash", ["-c", `echo landed >> /srv/${name}/control`]);
      assert.notEqual(control.status, 0, describeResult(control));
      writeFileSync("/run/forged-go", "");
      const result = await waiting[forged.indexOf(name)]?.ended();
      assert.equal(result?.status, 1, JSON.stringify(result));
      assert.equal(readFileSync(`/srv/${name}/before`, "utf8"), "");
    });

  for (const depth of ["300", "1500"])
    test(`the tree is renamed while the path is walked, ${depth} deep`, () => {
      const result = user("rename-tree", "/srv/guard", "/srv/free", depth, "15");
      assert.match(result.output, /^\d{2,} tries/, describeResult(result));
      const found = run("find", ["/srv/guard", "/srv/free", "-name", "f", "-size", "+0"]);
      assert.equal(found.output, "", describeResult(result));
    });

  test("two names are swapped while one of them is read", () => {
    const result = user("rename-names", "/srv/names", ".secret", "15");
    assert.match(result.output, /^\d{3,} tries/, describeResult(result));
    assert.equal(
      run("find", ["/srv/names", "-type", "f", "-size", "+0"]).output,
      "",
      describeResult(result),
    );
  });

  test("who renames files of his own disturbs nobody else", async () => {
    const storms = ["one", "two"].map((name) => {
      mkdirSync(`/srv/free/${name}`);
      return startAttack("rename-own", `/srv/free/${name}`);
    });
    for (const storm of storms) assert.equal(await storm.nextLine(), "renaming");
    const file = openSync("/srv/free/innocent", "a");
    // A path that can't be told would be refused here.
    for (let i = 0; i < 3000; i++) writeSync(file, "x");
    closeSync(file);
    for (const { process } of storms) process.kill("SIGKILL");
  });
});
