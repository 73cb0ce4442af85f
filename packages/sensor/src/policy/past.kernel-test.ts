// SPDX-License-Identifier: Apache-2.0
// What a process was: the program of its parent when it was forked, its namespaces and capabilities at its exec.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BpfMap } from "@gander/libbpf";
import {
  addPolicy,
  policyText,
  startGuestSensor,
  stateOf,
  umaskPolicy,
} from "../../test/guest-sensor.ts";

const name = "gander-past";
const sensor = await startGuestSensor({ name });
const { kernel, policies } = sensor;
after(() => sensor[Symbol.asyncDispose]());

// Separate binaries: bash is an ancestor of everything in the guest.
const shell = "/tmp/parent-shell";
copyFileSync("/usr/bin/bash", shell);
const scenes = "/gander/bpf/build/test/scenes";

const remove = (name: string) => policies.remove({ name, namespace: "", origin: "static" });
const matched = (name: string) => stateOf(policies, name).counters.matched;

/** How many calls of `act` each of these filters matches, all in force at once. */
async function expectMatches(
  filters: Readonly<Record<string, readonly [filter: string, calls: number]>>,
  act: () => unknown,
): Promise<void> {
  for (const [name, [filter]] of Object.entries(filters))
    await addPolicy(policies, umaskPolicy(name, filter));
  await act();
  const seen = Object.keys(filters).map((name) => [name, Number(matched(name))]);
  for (const name of Object.keys(filters)) await remove(name);
  assert.deepEqual(
    seen,
    Object.entries(filters).map(([name, [, calls]]) => [name, calls]),
  );
}

const parents = (operator: string, values: string, more = "") =>
  `matchParentBinaries: [{ operator: ${operator}, values: [${values}]${more} }]`;

function run(...[program, ...args]: [string, ...string[]]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** Ends when the last process that has its output has ended, not only the first. */
async function runAll(...[program, ...args]: [string, ...string[]]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.resume();
  await once(child, "close");
}

const waiting: ChildProcess[] = [];
after(() => {
  for (const child of waiting) child.kill("SIGKILL");
});

/** Starts a process that writes a line, then waits for one. */
async function startWaiting(...[program, ...args]: [string, ...string[]]): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  waiting.push(child);
  await once(child.stdout, "data");
  return child;
}

async function goOn(child: ChildProcess): Promise<void> {
  child.stdin?.end("\n");
  child.stdout?.resume();
  await once(child, "close");
}

/** How many filters were decided without the past of a process. */
const unknowns = (name: string) => stateOf(policies, name).counters.unknownProcess;

const openMap = (map: string) =>
  BpfMap.fromPin(join(`/sys/fs/bpf/${name}`, kernel.id, "maps", map));

function pids(map: "parents" | "privileges"): number[] {
  using entries = openMap(map);
  return [...entries.keys()].map((key) => Buffer.from(key).readUInt32LE());
}

function forget(map: "parents" | "privileges", pid: number): void {
  using entries = openMap(map);
  assert.ok(entries.delete(Buffer.from(Uint32Array.of(pid).buffer)));
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 50) {
    assert.ok(waited < 30_000, what);
    await sleep(50);
  }
}

test("the program of the parent, by each operator", () =>
  expectMatches(
    {
      in: [parents("In", shell), 1],
      "not-in": [parents("NotIn", `${shell}, /usr/bin/none`), 1],
      prefix: [parents("Prefix", "/tmp/parent-"), 1],
      "not-prefix": [parents("NotPrefix", "/tmp/parent-"), 1],
      postfix: [parents("Postfix", "/parent-shell"), 1],
      "not-postfix": [parents("NotPostfix", "/parent-shell"), 1],
      own: [`matchBinaries: [{ operator: In, values: [${shell}] }]`, 1],
    },
    () => {
      run(shell, "-c", "umask 030; sh -c 'umask 031'; true"); // the shell's own parent is node
      run(shell, "-c", "sh -c 'umask 030'; true");
    },
  ));

test("it stays when the parent ends, runs another program, or the process does", () =>
  expectMatches({ in: [parents("In", shell), 4] }, async () => {
    await runAll(shell, "-c", "sh -c 'sleep 0.5; umask 030' & exit 0");
    await runAll(shell, "-c", "sh -c 'sleep 0.5; umask 030' & exec sleep 0.1");
    run(shell, "-c", "sh -c 'exec sh -c \"umask 030\"'; true");
    run(shell, "-c", "(umask 030); true");
  }));

test("a program that the parent runs only after the fork does not count", () =>
  expectMatches({ in: [parents("In", shell), 0], not: [parents("NotIn", shell), 1] }, () =>
    runAll("sh", "-c", `sh -c 'sleep 0.5; umask 030' & exec ${shell} -c 'sleep 1; true'`),
  ));

const deep = "sh -c 'sh -c \"echo; read x; umask 030\"; true'; true";

test("descendants of a program, but not the program itself", async () => {
  const follow = parents("In", shell, ", followChildren: true");
  const before = await startWaiting(shell, "-c", deep);
  await expectMatches({ follow: [follow, 3], child: [parents("In", shell), 1] }, async () => {
    run(shell, "-c", "umask 030");
    run(shell, "-c", "sh -c 'umask 030'; true");
    run(shell, "-c", "sh -c 'sh -c \"umask 030\"; true'; true");
    await goOn(before);
  });
});

const ancestors = (operator: string, values: string) =>
  parents(operator, values, ", ancestors: true");

test("what a process itself has run before counts with its ancestors", async () => {
  const own = (operator: string, value: string) =>
    `matchBinaries: [{ operator: ${operator}, values: [${value}], ancestors: true }]`;
  const before = await startWaiting(shell, "-c", deep);
  await expectMatches(
    {
      in: [own("In", shell), 5],
      prefix: [own("Prefix", "/tmp/parent-"), 5],
      "not-prefix": [own("NotPrefix", "/tmp/parent-"), 1],
      postfix: [own("Postfix", "/parent-shell"), 5],
      "not-postfix": [own("NotPostfix", "/parent-shell"), 1],
    },
    async () => {
      run(shell, "-c", "umask 030");
      run("sh", "-c", "umask 030");
      run(shell, "-c", "sh -c 'sh -c \"umask 030\"; true'; true");
      // Two programs after it, in the same process; and one in a child.
      run(shell, "-c", "exec env sh -c 'umask 030'");
      run(shell, "-c", "exec env sh -c 'sh -c \"umask 030\"; true'");
      await goOn(before);
    },
  );
});

test("programs of all ancestors, by each operator", async () => {
  const before = await startWaiting(shell, "-c", deep);
  await expectMatches(
    {
      in: [ancestors("In", `${shell}, /usr/bin/none`), 4],
      "not-in": [ancestors("NotIn", shell), 2],
      prefix: [ancestors("Prefix", "/tmp/parent-"), 4],
      "not-prefix": [ancestors("NotPrefix", "/tmp/parent-"), 2],
      postfix: [ancestors("Postfix", "/parent-shell"), 4],
      "not-postfix": [ancestors("NotPostfix", "/parent-shell"), 2],
      other: [ancestors("Postfix", "/other-shell"), 0],
    },
    async () => {
      run(shell, "-c", "umask 030"); // not itself
      run("sh", "-c", "umask 030");
      run(shell, "-c", "sh -c 'umask 030'; true");
      run(shell, "-c", "sh -c 'sh -c \"umask 030\"; true'; true");
      // An ancestor that has run it, and something else since.
      run(shell, "-c", "exec sh -c 'sh -c \"umask 030\"; true'");
      await goOn(before);
    },
  );
});

test("a program that was bound to the path of another spares nobody", async () => {
  const script = (tried: string) => `mount --bind /usr/bin/bash ${shell} && ${tried}; true`;
  const forged = (tried: string) => run("unshare", "-Urm", "sh", "-c", script(tried));
  await expectMatches(
    {
      in: [ancestors("In", shell), 2],
      "not-in": [ancestors("NotIn", shell), 3],
      followed: [`matchBinaries: [{ operator: In, values: [${shell}], followChildren: true }]`, 3],
      "not-followed": [
        `matchBinaries: [{ operator: NotIn, values: [${shell}], followChildren: true }]`,
        3,
      ],
    },
    () => {
      forged(`${shell} -c 'umask 030'`);
      forged(`${shell} -c "sh -c 'umask 030'; true"`);
      forged(`${shell} -c "sh -c 'sh -c \\"umask 030\\"; true'; true"`);
    },
  );
});

test("what descends from a server starts no shell", async () => {
  const [server, mark] = ["/tmp/server", "/tmp/started"];
  copyFileSync("/usr/bin/bash", server);
  const starts = (program: string, command: string) => {
    rmSync(mark, { force: true });
    spawnSync(program, ["-c", `${command} -c 'echo >${mark}'; true`]);
    return existsSync(mark);
  };
  const guard = (filter: string) => `
lsmhooks:
- hook: bprm_check_security
  args: [{ index: 0, type: linux_binprm }]
  selectors:
  - matchArgs: [{ index: 0, operator: Postfix, values: [/sh, /bash] }]
    ${filter}
    matchActions: [{ action: Override, argError: -1 }]`;
  const inPlace = "exec sh";
  const commands = ["sh", "timeout 9 sh", "timeout 9 timeout 9 sh", inPlace];
  for (const command of commands) assert.ok(starts(server, command), command);
  await addPolicy(policies, policyText("guard", guard(ancestors("Postfix", "/server"))));
  for (const command of commands) {
    // What the server itself becomes has other ancestors: that is matchBinaries.
    assert.equal(starts(server, command), command === inPlace, command);
    assert.ok(starts("bash", command), command);
  }
  await addPolicy(
    policies,
    policyText(
      "guard",
      guard(`matchBinaries: [{ operator: In, values: [${server}], followChildren: true }]`),
    ),
  );
  for (const command of commands) {
    assert.equal(starts(server, command), false, command);
    assert.ok(starts("bash", command), command);
  }
  await remove("guard");
});

test("marks of a policy that comes when parents are kept already", async () => {
  await addPolicy(policies, umaskPolicy("first", parents("In", "/usr/bin/none")));
  const before = await startWaiting(shell, "-c", deep);
  const follow = parents("NotIn", shell, ", followChildren: true");
  await expectMatches({ follow: [follow, 1] }, async () => {
    await goOn(before);
    run("sh", "-c", "umask 030");
  });
  await remove("first");
});

test("processes from before the policy have their current parent", async () => {
  const child = await startWaiting(shell, "-c", "sh -c 'echo; read x; umask 030'; true");
  const other = await startWaiting("sh", "-c", "echo; read x; umask 030");
  await expectMatches(
    { in: [parents("In", shell), 1], not: [parents("NotIn", shell), 1] },
    async () => {
      await goOn(child);
      await goOn(other);
    },
  );
});

test("a parent that is not known is decided for the safe side, and counted", async () => {
  await addPolicy(policies, umaskPolicy("in", parents("In", shell)));
  await addPolicy(policies, umaskPolicy("not", parents("NotIn", shell)));
  const child = await startWaiting(scenes, "steps", "wait", "umask");
  forget("parents", child.pid ?? 0);
  await goOn(child);
  assert.deepEqual([matched("in"), matched("not")], [1n, 1n]);
  assert.deepEqual([unknowns("in"), unknowns("not")], [1n, 1n]);
  await remove("in");
  await remove("not");
});

test("what the kernel starts has a parent without a program", async () => {
  const [pattern, handler] = ["/proc/sys/kernel/core_pattern", "/tmp/handler"];
  const before = readFileSync(pattern, "utf8");
  writeFileSync(handler, "#!/bin/sh\numask 030\necho >/tmp/handled\n", { mode: 0o755 });
  const none = "/usr/bin/none";
  await expectMatches(
    {
      in: [parents("In", none), 0],
      prefix: [parents("Prefix", "/"), 0],
      not: [parents("NotIn", none), 1],
    },
    async () => {
      writeFileSync(pattern, `|${handler}`);
      spawnSync("bash", ["-c", "ulimit -c unlimited; kill -ABRT $$"]);
      await until(() => existsSync("/tmp/handled"), "the handler did not run");
      writeFileSync(pattern, before);
    },
  );
  rmSync("/tmp/handled");
});

const changed = (operator: string, values: string) =>
  `matchNamespaceChanges: [{ operator: ${operator}, values: [${values}] }]`;
const capabilities = (operator: string, values: string, more = "") =>
  `matchCapabilityChanges: [{ operator: ${operator}, values: [${values}]${more} }]`;

test("namespaces that differ from those at the exec", () =>
  expectMatches(
    {
      user: [changed("In", "User"), 4],
      mount: [changed("In", "Net, mnt"), 3],
      others: [changed("NotIn", "User"), 3],
      none: [changed("In", "Uts, Ipc, Net"), 0],
    },
    () => {
      run(scenes, "steps", "umask");
      run(scenes, "steps", "unshare-user", "umask");
      run(scenes, "steps", "unshare-mount", "umask", "fork", "umask"); // a fork does not hide it
      run(scenes, "steps", "fork-user", "umask"); // nor does a clone
      run(scenes, "steps", "unshare-user", "unshare-mount", "umask");
      run(scenes, "steps", "unshare-user", "fork", "umask");
      run(scenes, "steps", "unshare-user", "unshare-mount", "exec", "umask"); // an exec begins anew
    },
  ));

test("capabilities that differ from those at the exec", () =>
  expectMatches(
    {
      admin: [capabilities("In", "CAP_SYS_ADMIN"), 3],
      permitted: [capabilities("In", "CAP_SYS_ADMIN", ", type: Permitted"), 2],
      others: [capabilities("NotIn", "CAP_SYS_ADMIN"), 0],
      "not-those": [capabilities("NotIn", "CAP_CHOWN, CAP_NET_RAW"), 1],
      inside: [capabilities("In", "CAP_SYS_ADMIN", ", isNamespaceCapability: true"), 1],
    },
    () => {
      run(scenes, "steps", "umask");
      run(scenes, "steps", "drop-admin", "umask"); // lost
      run(scenes, "steps", "drop-admin", "raise-admin", "umask"); // as before
      run(scenes, "steps", "drop-admin", "exec", "umask"); // root regains them by exec
      run(scenes, "steps", "setuid", "umask"); // all lost
      run(scenes, "steps", "setuid", "exec", "umask"); // as at the exec: none
      run(scenes, "steps", "setuid", "exec", "unshare-user", "umask"); // gained, in a namespace
    },
  ));

test("changes are those since the policy came, of processes from before", async () => {
  const child = await startWaiting(
    scenes,
    "steps",
    "unshare-mount",
    "wait",
    "umask",
    "unshare-user",
    "umask",
  );
  await expectMatches(
    {
      mount: [changed("In", "Mnt"), 0],
      user: [changed("In", "User"), 1],
      capabilities: [capabilities("In", "CAP_SYS_ADMIN"), 0],
    },
    () => goOn(child),
  );
});

test("an exec that is not known is decided for the safe side, and counted", async () => {
  await addPolicy(policies, umaskPolicy("namespaces", changed("In", "Mnt")));
  await addPolicy(policies, umaskPolicy("capabilities", capabilities("NotIn", "CAP_CHOWN")));
  const child = await startWaiting(scenes, "steps", "wait", "umask");
  forget("privileges", child.pid ?? 0);
  await goOn(child);
  assert.deepEqual([matched("namespaces"), matched("capabilities")], [1n, 1n]);
  // NotIn is two conditions.
  assert.deepEqual([unknowns("namespaces"), unknowns("capabilities")], [1n, 2n]);
  await remove("namespaces");
  await remove("capabilities");
});

test("a process that has left its namespaces can't write, each time", async () => {
  const guard = `
lsmhooks:
- hook: file_permission
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, operator: Prefix, values: [/tmp/guarded] }
    - { index: 1, operator: Mask, values: ["2"] }
    ${changed("In", "User, Mnt")}
    matchActions: [{ action: Override, argError: -1 }]`;
  await addPolicy(policies, policyText("guard", guard));
  const write = (...before: string[]) =>
    spawnSync(scenes, ["steps", ...before, "write", "/tmp/guarded"]).status;
  assert.equal(write(), 0);
  assert.equal(write("unshare-mount", "exec"), 0);
  assert.notEqual(write("unshare-mount"), 0);
  assert.notEqual(write("unshare-user", "unshare-mount"), 0);
  assert.notEqual(write("unshare-mount", "fork"), 0);
  assert.equal(readFileSync("/tmp/guarded", "utf8"), "xx");
  assert.equal(stateOf(policies, "guard").counters.denied, 3n);
  await remove("guard");
});

test("ended processes leave no entry, and nothing is kept when no policy asks for it", async () => {
  await addPolicy(
    policies,
    umaskPolicy("kept", `${parents("In", shell)}\n    ${changed("In", "Mnt")}`),
  );
  for (const map of ["parents", "privileges"] as const) {
    const kept = new Set(pids(map));
    assert.ok(kept.has(process.pid) && kept.has(1), map);
    run(shell, "-c", "sh -c true; true");
    const hasEnded = (pid: number) => !existsSync(`/proc/${pid}`);
    await until(() => !pids(map).some(hasEnded), `${map} has ended processes`);
  }
  await remove("kept");
  await until(() => pids("parents").length + pids("privileges").length === 0, "entries are left");
  assert.equal(kernel.faults().FAULT_PAST_TABLE, 0n);
});
