// SPDX-License-Identifier: Apache-2.0
// A policy that denies to everybody what the sensor needs: a sensor that is killed comes back under it,
// the policy holds for all others, and where a start does fail a person is told why.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const folder = "/var/tmp/lockout";

type Denial = {
  readonly hooks: readonly string[];
  readonly action?: string;
  /** Of a GuardPolicy; without it everything is denied. */
  readonly filter?: string;
  /** Does what is denied, in this process or in one of its own. */
  readonly attempt: () => boolean | Promise<boolean>;
};

/** Each is for everybody, this test included. */
const denials: Readonly<Record<string, Denial>> = {
  folders: {
    hooks: ["security_inode_mkdir", "security_inode_rmdir"],
    attempt: () => works(() => mkdirSync(`${folder}/${fresh()}`)),
  },
  names: {
    hooks: ["security_path_unlink", "security_path_rename", "security_inode_symlink"],
    attempt: () => works(() => symlinkSync("x", `${folder}/${fresh()}`)),
  },
  bpf: {
    hooks: ["security_bpf", "security_bpf_map", "security_bpf_prog"],
    attempt: () => run("bpftool", ["prog", "list"]).status === 0,
  },
  "bpf-kill": {
    hooks: ["security_bpf"],
    action: "Sigkill",
    attempt: () => run("bpftool", ["prog", "list"]).status === 0,
  },
  // What Node starts has a socket for its standard input; the sensor, as started here, has /dev/null.
  programs: {
    hooks: ["security_bprm_check"],
    filter: "matchProcess: [{property: StandardInput, operator: In, values: [socket]}]",
    attempt: () => works(() => run("/bin/true", [])),
  },
  sockets: {
    hooks: ["security_socket_bind", "security_socket_listen"],
    attempt: () =>
      new Promise((done) => {
        const server = createServer();
        server.once("error", () => done(false));
        server.listen(`${folder}/${fresh()}`, () => server.close(() => done(true)));
      }),
  },
};

let made = 0;
const fresh = () => `made-${made++}`;

function works(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

const policyOf = (
  name: string,
  { hooks, action = "Override", filter }: Omit<Denial, "attempt">,
) => `${filter === undefined ? "apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy" : "apiVersion: gander.dev/v1alpha1\nkind: GuardPolicy"}
metadata:
  name: deny-${name}
spec:
  kprobes:
${hooks.map((hook) => entryOf(hook, action, filter)).join("")}`;

const entryOf = (hook: string, action: string, filter?: string) => `  - call: ${hook}
    syscall: false
    selectors:
    - ${filter === undefined ? "" : `${filter}\n      `}matchActions:
      - action: ${action}
${action === "Override" ? "        argError: -1\n" : ""}`;

/** No files in a folder may be opened, read or written. */
const noFiles = (prefix: string) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: deny-files
spec:
  kprobes:
  - call: security_file_open
    syscall: false
    args: [{index: 0, type: file}]
    selectors:
    - matchArgs: [{index: 0, operator: Prefix, values: ["${prefix}"]}]
      matchActions: [{action: Override, argError: -1}]
`;

describe("a policy cannot lock the sensor out", { timeout: 1_500_000 }, () => {
  let sensor: Sensor;
  before(async () => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    sensor = await Sensor.start();
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
  });

  /** In place: other ways may be what is denied. */
  const write = (name: string, text: string) =>
    writeFileSync(`${sensor.policyDirectory}/${name}.yaml`, text);

  for (const [name, denial] of Object.entries(denials)) {
    test(`${denial.action ?? "Override"} for all: ${denial.hooks.join(", ")}`, async () => {
      const isDenied = async () => !(await denial.attempt());
      write(name, policyOf(name, denial));
      await waitUntil("it is denied", isDenied);
      await sensor.kill();
      assert.ok(await isDenied(), "it still is without a sensor");
      await sensor.restart();
      assert.ok(await isDenied(), "it still is with the next one");
      if (name === "bpf")
        assert.match(
          gander("policy", "list").output,
          /calls of the sensor itself were let through/,
        );
      write(name, policyOf(name, { ...denial, action: "Post" }));
      await waitUntil("it is denied no longer", denial.attempt);
      sensor.removePolicy(`${name}.yaml`);
    });
  }

  test("a signal opens no debugger, through which others could act as the sensor", async () => {
    process.kill(sensor.pid, "SIGUSR1");
    await sleep(1_000);
    // Port 9229.
    assert.doesNotMatch(readFileSync("/proc/net/tcp", "utf8"), /:240D /);
    assert.ok(sensor.running);
  });

  test("its own pins may not be opened", async () => {
    write("pins", noFiles("/sys/fs/bpf"));
    const isDenied = () => run("ls", ["/sys/fs/bpf/gander"]).status !== 0;
    await waitUntil("it is denied", isDenied);
    await sensor.kill();
    await sensor.restart();
    assert.ok(isDenied());
  });

  test("who can't even say who it is tells people which policy and hook, and there is a way out", async () => {
    write("bpf", policyOf("bpf", denials.bpf ?? { hooks: [] }));
    await waitUntil("it is denied", async () => !(await denials.bpf?.attempt()));
    await sensor.kill();
    const { status, errors, output } = gander("run", "--policies", sensor.policyDirectory);
    const said = errors + output;
    assert.equal(status, 1, said);
    assert.doesNotMatch(said, /unexpected error/);
    assert.match(said, /Cannot start/);
    assert.match(said, /"deny-files" \(.*\bfile_open\b/);
    assert.match(said, /rm -r \/sys\/fs\/bpf\/gander/);
    // What a restart of the machine does: no pin is left.
    assert.equal(run("umount", ["/sys/fs/bpf"]).status, 0);
    assert.equal(run("mount", ["-t", "bpf", "bpf", "/sys/fs/bpf"]).status, 0);
    for (const file of ["bpf", "pins"]) sensor.removePolicy(`${file}.yaml`);
    // The kernel lets go of one hook after the other.
    await waitUntil("it is denied no longer", async () => denials.bpf?.attempt());
    await sensor.restart();
  });
});
