// SPDX-License-Identifier: Apache-2.0
// Events with the hash of a file (imaHash), as users see them: what ran, what was mapped, and what was denied.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { after, before, describe, test } from "node:test";
import { type AttackResult, run } from "./lib/attack.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const folder = "/var/tmp/hashes";
const at = (name: string) => `${folder}/${name}`;

const policy = (name: string, hook: string, type: string, values: string, actions: string) => `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  lsmhooks:
    - hook: ${hook}
      args: [{ index: 0, type: ${type} }]
      selectors:
        - matchArgs: [{ index: 0, operator: Prefix, values: ["${values}"] }]
          matchActions: [${actions}]
---`;
const post = "{ action: Post, imaHash: true }";
const atExec = (name: string, values: string, actions: string) =>
  policy(name, "bprm_check_security", "linux_binprm", values, actions);

const policies = {
  "hashes.yaml": [
    atExec("seen", at("seen"), post),
    atExec("denied", at("denied"), `{ action: Override, argError: -13 }, ${post}`),
    atExec("killed", at("killed"), `{ action: Sigkill }, ${post}`),
    atExec("twice", at("denied-twice"), post),
    atExec("elsewhere", "/var/tmp/elsewhere/", post),
    policy("begun", "bprm_creds_for_exec", "linux_binprm", at("seen"), post),
    policy("committed", "bprm_committed_creds", "linux_binprm", at("seen"), post),
    policy("mapped", "mmap_file", "file", at("mapped"), post),
  ].join("\n"),
};

const digest = (path: string) =>
  `sha256:${createHash("sha256").update(readFileSync(path)).digest("hex")}`;
const copy = (name: string) => {
  copyFileSync("/bin/true", at(name));
  return at(name);
};

describe("hashes of files in events", () => {
  let sensor: Sensor;
  let seen = 0;
  /** Since the previous call: the policy, what was done and the hash, or why there is none. */
  const hashes = async () => {
    await sensor.settled();
    const all = sensor
      .events()
      .flatMap(({ process_lsm: event }) => (event === undefined ? [] : [event]));
    const fresh = all.slice(seen);
    seen = all.length;
    return fresh
      .map(({ policy_name: name, action = "", ima_hash: hash, tags = [] }) =>
        [name, action.replace("KPROBE_ACTION_", ""), hash ?? tags.join()].join(" "),
      )
      .toSorted();
  };
  const bash = (script: string): AttackResult => run("bash", ["-c", script]);

  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    sensor = await Sensor.start({ policies });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    run("umount", ["-q", "/var/tmp/elsewhere"]);
    rmSync(folder, { recursive: true, force: true });
  });

  test("a program that runs, at each hook of its exec", async () => {
    const program = copy("seen");
    assert.equal(run(program, []).status, 0);
    assert.deepEqual(await hashes(), [
      `begun POST ${digest(program)}`,
      `committed POST ${digest(program)}`,
      `seen POST ${digest(program)}`,
    ]);
  });

  test("a program that is denied does not run, and has a hash", async () => {
    const program = copy("denied");
    assert.match(bash(`exec ${program}`).errors, /Permission denied/);
    assert.deepEqual(await hashes(), [`denied OVERRIDE ${digest(program)}`]);
  });

  test("two policies share the hash and the denial", async () => {
    const program = copy("denied-twice");
    assert.match(bash(`exec ${program}`).errors, /Permission denied/);
    assert.deepEqual(await hashes(), [
      `denied OVERRIDE ${digest(program)}`,
      `twice POST ${digest(program)}`,
    ]);
  });

  test("a process that is killed has a hash, and does nothing more", async () => {
    const program = at("killed");
    copyFileSync("/bin/touch", program);
    assert.equal(run(program, [at("touched")]).signal, "SIGKILL");
    assert.throws(() => readFileSync(at("touched")), { code: "ENOENT" });
    assert.deepEqual(await hashes(), [`killed SIGKILL ${digest(program)}`]);
  });

  test("a script has its own hash, its interpreter is another call", async () => {
    const script = at("seen-script");
    writeFileSync(script, "#!/bin/true\n");
    chmodSync(script, 0o755);
    assert.equal(run(script, []).status, 0);
    const all = await hashes();
    assert.ok(all.includes(`seen POST ${digest(script)}`), all.join("\n"));
  });

  test("the content counts, not the name", async () => {
    const program = copy("seen-first");
    symlinkSync(program, at("link"));
    writeFileSync(program, Buffer.concat([readFileSync(program), Buffer.from("more")]));
    assert.equal(run(at("link"), []).status, 0);
    const all = await hashes();
    assert.ok(all.includes(`seen POST ${digest(program)}`), all.join("\n"));
    assert.notEqual(digest(program), digest("/bin/true"));
  });

  test("a file that is mapped", async () => {
    const library = at("mapped");
    copyFileSync("/lib/x86_64-linux-gnu/libz.so.1", library);
    run("env", [`LD_PRELOAD=${library}`, "/bin/true"]);
    const all = new Set(await hashes());
    assert.deepEqual([...all], [`mapped POST ${digest(library)}`]);
  });

  test("a file that is too large says so, at once", async () => {
    const program = copy("seen-large");
    truncateSync(program, 257 * 1024 * 1024);
    const start = performance.now();
    assert.equal(run(program, []).status, 0);
    assert.ok(performance.now() - start < 30_000);
    const tag = "gander.unhashed.too-large";
    assert.deepEqual(await hashes(), [
      ...[`begun POST ${tag}`, `committed POST ${tag}`, `seen POST ${tag}`],
    ]);
  });

  test("files in memory and in layers have one; of a layer that a process chose, none", async () => {
    mkdirSync("/var/tmp/elsewhere", { recursive: true });
    run("mount", ["-t", "tmpfs", "tmpfs", "/var/tmp/elsewhere"]);
    copyFileSync("/bin/true", "/var/tmp/elsewhere/in-memory");
    assert.equal(run("/var/tmp/elsewhere/in-memory", []).status, 0);
    assert.deepEqual(await hashes(), [`elsewhere POST ${digest("/bin/true")}`]);
    const mount = (program: string) =>
      [
        "mkdir -p /var/tmp/elsewhere/lower /var/tmp/elsewhere/upper /var/tmp/elsewhere/work /var/tmp/elsewhere/merged",
        `cp /bin/true /var/tmp/elsewhere/lower/${program}`,
        "mount -t overlay overlay -olowerdir=/var/tmp/elsewhere/lower,upperdir=/var/tmp/elsewhere/upper,workdir=/var/tmp/elsewhere/work /var/tmp/elsewhere/merged",
        `/var/tmp/elsewhere/merged/${program}`,
      ].join(" && ");
    const host = bash(`${mount("host")}; umount /var/tmp/elsewhere/merged`);
    assert.equal(host.errors, "");
    assert.deepEqual(await hashes(), [`elsewhere POST ${digest("/bin/true")}`]);
    const own = run("unshare", [
      "-Urm",
      "bash",
      "-c",
      `rm -rf /var/tmp/elsewhere/work; ${mount("own")}`,
    ]);
    assert.equal(own.errors, "");
    assert.deepEqual(await hashes(), ["elsewhere POST gander.unhashed.file-system"]);
    run("umount", ["/var/tmp/elsewhere"]);
  });

  test("many at once: each has its own", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `seen-${i}`);
    for (const name of names)
      writeFileSync(at(name), Buffer.concat([readFileSync("/bin/true"), Buffer.from(name)]), {
        mode: 0o755,
      });
    bash(`${names.map((name) => `${at(name)} &`).join(" ")} wait`);
    const all = (await hashes()).filter((line) => line.startsWith("seen "));
    assert.deepEqual(all, names.map((name) => `seen POST ${digest(at(name))}`).toSorted());
  });

  test("also after the sensor was killed: what is denied stays denied, and has a hash again", async () => {
    const program = at("denied");
    await sensor.kill();
    assert.match(bash(`exec ${program}`).errors, /Permission denied/);
    await sensor.restart();
    await hashes();
    assert.match(bash(`exec ${program}`).errors, /Permission denied/);
    assert.deepEqual(await hashes(), [`denied OVERRIDE ${digest(program)}`]);
  });

  test("another policy there that needs more leaves it all", async () => {
    sensor.writePolicy(
      "more.yaml",
      `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: more }
spec:
  lsmhooks:
    - hook: bprm_check_security
      args: [{ index: 0, type: linux_binprm }]
      selectors:
        - matchArgs: [{ index: 0, operator: Postfix, values: ["/seen"] }]
          matchBinaries: [{ operator: NotIn, values: ["/nowhere"] }]
          matchActions: [{ action: Post }]
`,
    );
    const isSeen = () => {
      run(at("seen"), []);
      return sensor.events().some(({ process_lsm: event }) => event?.policy_name === "more");
    };
    await waitUntil("the policy is in force", isSeen, 60_000);
    await hashes();
    const program = at("denied");
    assert.match(bash(`exec ${program}`).errors, /Permission denied/);
    assert.deepEqual(await hashes(), [`denied OVERRIDE ${digest(program)}`]);
  });

  test("nothing is hashed or denied without the policies", async () => {
    sensor.removePolicy("hashes.yaml");
    const runs = () => bash(`exec ${at("denied")}`).status === 0;
    await waitUntil("the policies are gone", runs, 60_000);
  });
});
