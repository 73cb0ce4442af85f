// SPDX-License-Identifier: Apache-2.0
// Where the content of a file comes from: a container's image, what was added to it, memory, other file systems.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { after, test } from "node:test";
import { execAttacks } from "../../../../e2e/tests/lib/exec-attacks.ts";
import {
  addPolicy,
  policyText,
  startGuestSensor,
  stateOf,
  umaskPolicy,
} from "../../test/guest-sensor.ts";

const folder = "/var/tmp/origins";
const at = (name: string) => `${folder}/${name}`;
const [lower, merged] = [at("lower"), at("merged")];
const attack = "/gander/e2e/attacks/build/attack";
const scenes = "/gander/bpf/build/test/scenes";

function run(...[program, ...args]: [string, ...string[]]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${error ?? ""} ${stderr}`);
  return stdout;
}

/** A program of the guest with its libraries, below another root. */
function install(program: string, root: string): void {
  const libraries = run("ldd", program).match(/\/\S+(?= \()/g) ?? [];
  for (const file of [program, ...libraries]) {
    mkdirSync(`${root}${dirname(file)}`, { recursive: true });
    copyFileSync(file, `${root}${file}`);
  }
}

function mountOverlay(to: string, from: string, ...options: readonly string[]): void {
  const [upper, work] = [`${to}.upper`, `${to}.work`];
  for (const one of [to, upper, work]) mkdirSync(one, { recursive: true });
  const all = [`lowerdir=${from}`, `upperdir=${upper}`, `workdir=${work}`, ...options];
  run("mount", "-t", "overlay", "none", "-o", all.join(), to);
}

// An image, and a container of it.
for (const name of ["proc", "tmp", "var/tmp", "data", "bin", "dev/shm"])
  mkdirSync(`${lower}/${name}`, { recursive: true });
for (const program of ["/usr/bin/bash", "/usr/bin/echo", "/usr/bin/tee"]) install(program, lower);
copyFileSync("/usr/bin/bash", `${lower}/bin/sh`);
copyFileSync("/usr/bin/echo", `${lower}/bin/echo`);
for (const name of ["attack", "other", "third"]) copyFileSync(attack, `${lower}/bin/${name}`);
writeFileSync(`${lower}/bin/script`, "#!/bin/sh\necho ran\n", { mode: 0o755 });
mountOverlay(merged, lower);

const early = ["/usr/bin/bash", `${merged}/usr/bin/bash`, copyOf("early")].map((program) =>
  startWaiting([program]),
);
const distrusted = startWaiting(["unshare", "-U", "/usr/bin/bash"]);

const sensor = await startGuestSensor({ name: "gander-origins" });
const { policies } = sensor;
after(async () => {
  await sensor[Symbol.asyncDispose]();
  for (const child of await Promise.all([...early, distrusted])) child.kill("SIGKILL");
  for (const one of [merged, at("metacopy")]) spawnSync("umount", ["-l", one]);
  rmSync(folder, { recursive: true, force: true });
});

const remove = (name: string) => policies.remove({ name, namespace: "", origin: "static" });

/** A copy of bash in the container's own layer. */
function copyOf(name: string): string {
  const path = `${merged}/var/tmp/${name}`;
  copyFileSync("/usr/bin/bash", path);
  return path;
}

/** A shell that reads what it does, later. */
async function startWaiting([program = "", ...args]: readonly string[]): Promise<ChildProcess> {
  const child = spawn(program, [...args, "-c", "echo; read x; eval $x"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

async function say(child: Promise<ChildProcess>, command: string): Promise<void> {
  const { stdin, stdout } = await child;
  stdin?.end(`${command}\n`);
  stdout?.resume();
  await once(await child, "close");
}

/** Whether the program was started, as its own output shows. */
function starts(program: string, ...args: readonly string[]): boolean {
  const { stdout } = spawnSync(program, args.length > 0 ? args : ["leaf"], { encoding: "utf8" });
  return stdout === "ran\n";
}

/** The same in namespaces of its own, in the container's root. */
const startsInside = (...args: readonly string[]) =>
  starts("unshare", ...["--mount", "--pid", "--fork", `--root=${merged}`, "--mount-proc"], ...args);

/** Debian's 6.1 makes no files without a name on an overlay. */
function isPossible(open: () => number): boolean {
  try {
    closeSync(open());
    return true;
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && error.code === "ENOTSUP", String(error));
    return false;
  }
}

const denial = "matchActions: [{ action: Override, argError: -1 }]";

/** Denies to start such a program, and to map it as code. */
const drift = (filter: string, more = "") =>
  policyText(
    "drift",
    `
lsmhooks:
- hook: bprm_check_security
  args: [{ index: 0, type: linux_binprm }]
  selectors:
  - matchArgs: [{ index: 0, ${filter} }]
    ${more}
    ${denial}
- hook: mmap_file
  args: [{ index: 0, type: file }, { index: 2, type: uint64 }]
  selectors:
  - matchArgs: [{ index: 0, ${filter} }, { index: 1, args: [1], operator: Mask, values: ["4"] }]
    ${more}
    ${denial}`,
  );

const inContainers = "matchNamespaces: [{ namespace: Pid, operator: NotIn, values: [host_ns] }]";
const notOfImage = "operator: NotOrigin, values: [image]";
const notOfImageOrVolume = "operator: NotOrigin, values: [image, volume]";

const inAnyWay = execAttacks.map(({ method }) => method);

test("without a policy, each way starts the program", () => {
  for (const method of inAnyWay)
    assert.ok(startsInside("/bin/attack", "exec", method, `/tmp/${method}`), method);
});

test("only what the image has starts in the container, in whatever way", async () => {
  await addPolicy(policies, drift(notOfImage, inContainers));
  assert.ok(startsInside("/bin/attack", "leaf"));
  assert.ok(startsInside("/bin/script"), "a script of the image");
  assert.ok(startsInside("/bin/sh", "-c", "/bin/echo ran"));
  for (const method of inAnyWay) {
    const path = `/tmp/denied-${method}`;
    const ran = startsInside("/bin/attack", "exec", method, path);
    // What an interpreter of the image reads is data: no program is started.
    assert.equal(ran, method === "interpreted", method);
    if (method !== "memory" && method !== "deep")
      assert.ok(method === "deleted" || existsSync(`${merged}${path}`), `${method} made no file`);
  }
  await remove("drift");
});

test("what was added to the container, or put in the image's place, does not start", async () => {
  const [own, image] = [`${merged}/var/tmp/own`, `${merged}/bin/attack`];
  copyFileSync(attack, own);
  linkSync(own, `${own}-linked`);
  copyFileSync(attack, `${own}-before`);
  renameSync(`${own}-before`, `${own}-renamed`);
  linkSync(`${merged}/bin/other`, `${merged}/bin/other-linked`); // copies it up
  await addPolicy(policies, drift(notOfImageOrVolume));
  assert.ok(starts(image) && starts(attack));
  for (const path of [own, `${own}-linked`, `${own}-renamed`, `${merged}/bin/other-linked`])
    assert.equal(starts(path), false, path);
  // The image's own by another path, and another file by the image's path.
  const bound = at("bound");
  writeFileSync(bound, "");
  const bind = (from: string, to: string) => `mount --bind ${from} ${to} && exec ${to} leaf`;
  assert.ok(starts("unshare", "-m", "bash", "-c", bind(image, bound)));
  assert.ok(starts("unshare", "-Urm", "bash", "-c", bind(image, bound)));
  for (const flags of ["-m", "-Urm"])
    assert.equal(starts("unshare", flags, "bash", "-c", bind(own, image)), false, flags);
  // Written over in place.
  assert.ok(starts(`${merged}/bin/third`));
  closeSync(openSync(`${merged}/bin/third`, "r+"));
  assert.equal(starts(`${merged}/bin/third`), false);
  await remove("drift");
});

test("a file that was only copied up counts as added, unless its data is still the image's", async () => {
  const metacopy = at("metacopy");
  mountOverlay(metacopy, lower, "metacopy=on");
  const program = (of: string) => `${of}/bin/touched`;
  copyFileSync(attack, program(merged));
  await addPolicy(policies, drift(notOfImageOrVolume));
  for (const [of, runs] of [
    [`${merged}/bin/echo`, false],
    [`${metacopy}/bin/echo`, true],
  ] as const) {
    assert.ok(starts(of, "ran"));
    chmodSync(of, 0o777);
    assert.equal(starts(of, "ran"), runs, of);
    utimesSync(of, 1, 1);
    assert.equal(starts(of, "ran"), runs, of);
  }
  closeSync(openSync(`${metacopy}/bin/echo`, "r+"));
  assert.equal(starts(`${metacopy}/bin/echo`, "ran"), false);
  await remove("drift");
});

test("a layer that a workload mounts itself is no image", async () => {
  const [one, two] = [at("one"), at("two")];
  for (const path of [one, two]) mkdirSync(path);
  copyFileSync(attack, `${one}/program`);
  const mount = `mount -t overlay none -o lowerdir=${one}:${two} ${two} && exec ${two}/program leaf`;
  const tries = () => starts("unshare", "-Urm", "bash", "-c", mount);
  assert.ok(tries());
  await addPolicy(policies, drift(notOfImageOrVolume));
  assert.ok(starts(`${one}/program`));
  assert.equal(tries(), false);
  await remove("drift");
});

test("volumes, memory, and files without a name", async () => {
  const memory = "/dev/shm/program";
  copyFileSync(attack, memory);
  const volume = at("volume");
  copyFileSync(attack, volume);
  const image = `${merged}/bin/attack`;
  const layer = `${merged}/var/tmp/layer`;
  copyFileSync(attack, layer);
  const unlinked = (from: string) => {
    const copy = `${dirname(from)}/unlinked`;
    copyFileSync(from, copy);
    return starts(scenes, "deleted-exec", copy, "leaf");
  };
  const openTemporary = () => {
    const flags = 0o20_000_000 | constants.O_DIRECTORY | constants.O_RDWR; // O_TMPFILE
    return openSync(`${merged}/var/tmp`, flags, 0o755);
  };
  const temporary = () => {
    const file = openTemporary();
    writeSync(file, readFileSync(attack));
    const read = openSync(`/proc/self/fd/${file}`, "r");
    closeSync(file);
    const { stdout } = spawnSync("/proc/self/fd/3", ["leaf"], {
      stdio: ["ignore", "pipe", "inherit", read],
      encoding: "utf8",
    });
    closeSync(read);
    return stdout === "ran\n";
  };
  const named = { image, layer, memory, volume };
  const deeds: Readonly<Record<string, () => boolean>> = {
    ...Object.fromEntries(Object.entries(named).map(([name, path]) => [name, () => starts(path)])),
    "deleted, of the layer": () => unlinked(layer),
    "deleted, of memory": () => unlinked(memory),
    "deleted, of a volume": () => unlinked(volume),
    "a file in memory alone": () => starts(scenes, "memfd-exec", attack, "leaf"),
    ...(isPossible(openTemporary) && { "a temporary file of the layer": temporary }),
  };
  const known = (names: readonly string[]) => names.filter((name) => name in deeds);
  for (const [name, starts] of Object.entries(deeds)) assert.ok(starts(), name);
  const denied = async (filter: string) => {
    await addPolicy(policies, drift(filter));
    const found = Object.keys(deeds).filter((name) => !deeds[name]?.());
    await remove("drift");
    return found;
  };
  assert.deepEqual(
    await denied("operator: Origin, values: [layer]"),
    known(["layer", "deleted, of the layer", "a temporary file of the layer"]),
  );
  assert.deepEqual(await denied("operator: Origin, values: [memory]"), [
    ...["memory", "deleted, of memory", "a file in memory alone"],
  ]);
  assert.deepEqual(
    await denied("operator: Origin, values: [unlinked]"),
    known([
      ...["deleted, of the layer", "deleted, of memory", "deleted, of a volume"],
      ...["a file in memory alone", "a temporary file of the layer"],
    ]),
  );
  assert.deepEqual(await denied("operator: NotOrigin, values: [image, layer, volume]"), [
    ...["memory", "deleted, of memory", "a file in memory alone"],
  ]);
});

test("what the dynamic loader maps, and what becomes code later", async () => {
  const [library, loader] = [`${merged}/var/tmp/echo`, "/lib64/ld-linux-x86-64.so.2"];
  copyFileSync("/usr/bin/echo", library);
  const protects = (path: string) => starts(scenes, "protect", path);
  for (const path of [library, "/usr/bin/echo", `${merged}/usr/bin/echo`]) {
    assert.ok(starts(loader, path, "ran"), path);
    assert.ok(protects(path), path);
  }
  await addPolicy(
    policies,
    `${drift(notOfImageOrVolume)}  - hook: file_mprotect
    args: [{ index: 0, resolve: vm_file, type: file }, { index: 2, type: uint64 }]
    selectors:
    - matchArgs:
      - { index: 0, ${notOfImageOrVolume} }
      - { index: 1, args: [1], operator: Mask, values: ["4"] }
      ${denial}
`,
  );
  for (const [path, works] of [
    [library, false],
    ["/usr/bin/echo", true],
    [`${merged}/usr/bin/echo`, true],
  ] as const) {
    assert.equal(starts(loader, path, "ran"), works, path);
    assert.equal(protects(path), works, path);
  }
  await remove("drift");
});

test("what overlayfs reads and writes below is not another file", async () => {
  const shell = at("shell");
  copyFileSync("/usr/bin/bash", shell);
  const guard = (operator: string, mask: string) =>
    policyText(
      "drift",
      `
kprobes:
- call: security_file_permission
  syscall: false
  args: [{ index: 0, type: file }, { index: 1, type: int }]
  selectors:
  - matchArgs:
    - { index: 0, ${operator} }
    - { index: 1, operator: Mask, values: ["${mask}"] }
    matchBinaries: [{ operator: In, values: [${shell}] }]
    matchActions: [{ action: Sigkill }]`,
    );
  const [own, image] = [`${merged}/var/tmp/text`, `${merged}/bin/script`];
  const writes = () => {
    writeFileSync(own, "");
    spawnSync(shell, ["-c", `echo written >>${own}`]);
    return readFileSync(own, "utf8") === "written\n";
  };
  const reads = (path: string) => spawnSync(shell, ["-c", `read x <${path}`]).status === 0;
  assert.ok(writes() && reads(image));
  await addPolicy(policies, guard(`operator: NotPrefix, values: [${merged}/]`, "2"));
  assert.ok(writes(), "by path");
  await addPolicy(policies, guard(`operator: Prefix, values: [${merged}/]`, "2"));
  assert.equal(writes(), false, "by path");
  await addPolicy(policies, guard("operator: Origin, values: [layer, memory]", "2"));
  assert.equal(writes(), false);
  await addPolicy(policies, guard("operator: Origin, values: [image, memory, volume]", "2"));
  assert.ok(writes());
  await addPolicy(policies, guard("operator: Origin, values: [layer, memory]", "4"));
  assert.ok(reads(image));
  await addPolicy(policies, guard("operator: Origin, values: [image]", "4"));
  assert.equal(reads(image), false);
  await remove("drift");
});

/** How many calls of umask(030) each of these filters matches, all in force at once. */
async function expectMatches(
  filters: readonly (readonly [filter: string, calls: number])[],
  act: () => unknown,
): Promise<void> {
  for (const [i, [filter]] of filters.entries())
    await addPolicy(policies, umaskPolicy(`umask-${i}`, filter));
  await act();
  const seen = filters.map(([filter], i) => [
    filter,
    Number(stateOf(policies, `umask-${i}`).counters.matched),
  ]);
  for (const i of filters.keys()) await remove(`umask-${i}`);
  assert.deepEqual(seen, filters);
}

const is = (operator: string, ...values: readonly string[]) =>
  `matchProcess: [{ property: Origin, operator: ${operator}, values: [${values}] }]`;

test("where the program of a process comes from", async () => {
  const umask = (program: string) => run(program, "-c", "umask 030; (umask 030); true");
  const memory = "/dev/shm/bash";
  copyFileSync("/usr/bin/bash", memory);
  const deleted = `${folder}/deleted-bash`;
  copyFileSync("/usr/bin/bash", deleted);
  await expectMatches(
    [
      [is("In", "image"), 2],
      [is("In", "layer"), 6],
      [is("In", "memory"), 4],
      [is("In", "volume"), 4],
      [is("In", "unlinked"), 4],
      [is("In", "image", "unlinked"), 6],
      [is("NotIn", "image", "volume"), 10],
      [is("NotIn", "unlinked"), 12],
    ],
    () => {
      umask(`${merged}/usr/bin/bash`);
      umask(copyOf("one"));
      umask(copyOf("two"));
      umask(copyOf("three"));
      umask(memory);
      umask("/usr/bin/bash");
      run(scenes, "memfd-exec", "/usr/bin/bash", "-c", "umask 030; (umask 030); true");
      run(scenes, "deleted-exec", deleted, "-c", "umask 030; (umask 030); true");
    },
  );
});

test("… of processes that ran before, unless they may have made it up", async () => {
  const unknown = () => stateOf(policies, "umask-3").counters.unknownProcess;
  await expectMatches(
    [
      [is("In", "volume"), 2],
      [is("In", "image"), 2],
      [is("In", "layer"), 2],
      [is("NotIn", "image", "layer"), 2],
    ],
    async () => {
      for (const child of early) await say(child, "umask 030");
      assert.equal(unknown(), 0n);
      await say(distrusted, "umask 030");
      assert.equal(unknown(), 1n);
    },
  );
});

test("a program of the layer makes no connection; the image's own do", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {}).destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const connects = async (program: string) => {
    const before = connections;
    const child = spawn(program, ["-c", `exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3`], {
      stdio: "ignore",
    });
    await once(child, "exit");
    return connections > before;
  };
  const [own, image] = [copyOf("connecting"), `${merged}/usr/bin/bash`];
  assert.ok((await connects(own)) && (await connects(image)));
  await addPolicy(
    policies,
    policyText(
      "connections",
      `
kprobes:
- call: tcp_connect
  syscall: false
  args: [{ index: 0, type: sock }]
  selectors:
  - ${is("In", "layer", "memory", "unlinked")}
    matchActions: [{ action: Sigkill }]`,
    ),
  );
  assert.equal(await connects(own), false);
  assert.ok(await connects(image));
  assert.ok(await connects("/usr/bin/bash"));
  await remove("connections");
  server.close();
});
