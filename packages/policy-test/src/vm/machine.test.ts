// SPDX-License-Identifier: Apache-2.0
// What a virtual machine gets and what is made of its answer: a program in QEMU's place. A real one is started in
// e2e/guest/policy-test.test.ts.
import { spawnSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { libraryFolder } from "../library-folder.ts";
import { loadPolicyTest } from "../load-policy-test.ts";
import { createArchive } from "./archive.ts";
import { fillMachine } from "./fill-machine.ts";
import { createMachineEngine } from "./machine-engine.ts";
import { createMachineFiles } from "./machine-files.ts";
import { readMachineKernel } from "./machine-kernel.ts";

const temporary = () => mkdtempDisposableSync(join(tmpdir(), "gander-machine-"));

function write(path: string, content: string | Uint8Array, mode = 0o644): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content, { mode });
  return path;
}

/** Node is large. */
const small = "/usr/bin/env";

const test = (() => {
  const { value } = loadPolicyTest(join(libraryFolder(), "drift/compilers/gander-test.yaml"));
  if (value === undefined) throw new Error("compilers");
  return value;
})();

/** As Linux has it: what it is and which release, and nothing else. */
function kernelFile(path: string, release: string): string {
  const bytes = Buffer.alloc(0x2000);
  bytes.write("HdrS", 0x202);
  bytes.writeUInt16LE(0x400, 0x20e);
  bytes.write(`${release} (root@build) #1\0`, 0x600);
  return write(path, bytes);
}

describe("the files of a machine", () => {
  it("are those that are named, with links and libraries", () => {
    using folder = temporary();
    const archiveFile = join(folder.path, "archive");
    const file = write(join(folder.path, "real/file"), "text", 0o640);
    symlinkSync("real", join(folder.path, "link"));
    {
      using archive = createArchive(archiveFile);
      const files = createMachineFiles(archive);
      files.copy(join(folder.path, "link/file"));
      files.copy(small);
      files.write("/made/up", "words\n", 0o600);
      const gander = write(join(folder.path, "program/gander.mjs"), "x");
      fillMachine([test], { node: small, gander })(files);
      archive.end();
    }
    const out = join(folder.path, "out");
    mkdirSync(out);
    const { status, stderr } = spawnSync("cpio", ["--extract", "--quiet", "--make-directories"], {
      ...{ cwd: out, input: readFileSync(archiveFile), encoding: "utf8" },
    });
    expect([status, stderr]).toEqual([0, ""]);
    expect(readFileSync(join(out, file), "utf8")).toBe("text");
    expect(lstatSync(join(out, file)).mode & 0o777).toBe(0o640);
    expect(readlinkSync(join(out, folder.path, "link"))).toBe("real");
    expect(readFileSync(join(out, "made/up"), "utf8")).toBe("words\n");
    for (const path of [test.file, join(dirname(test.file), "policy.yaml"), "/usr/bin/env"])
      expect(lstatSync(join(out, path)).isFile(), path).toBe(true);
    const { stdout } = spawnSync("ldd", [small], { encoding: "utf8" });
    const library = /\/\S*libc\.so\S*/.exec(stdout)?.[0] ?? "";
    const inside = spawnSync("readlink", ["-e", join(out, library)], { encoding: "utf8" });
    expect(inside.status, library).toBe(0);
  });
});

describe("the kernel of a machine", () => {
  it("comes with the modules that it needs, the needed ones first", () => {
    using folder = temporary();
    const file = kernelFile(join(folder.path, "boot/vmlinuz"), "6.9.1-x");
    const fs = join(folder.path, "lib/modules/6.9.1-x/kernel/fs");
    write(join(fs, "overlayfs/overlay.ko"), "overlay\0depends=export-fs\0");
    write(join(fs, "exportfs/export-fs.ko"), "export\0depends=\0");
    write(join(fs, "binfmt_misc.ko"), "binfmt\0depends=\0");
    const { release, modules } = readMachineKernel(file, ["binfmt_misc", "tmpfs"]);
    expect(release).toBe("6.9.1-x");
    expect(modules.map((one) => Buffer.from(one).toString().split("\0")[0])).toEqual([
      "export",
      "overlay",
      "binfmt",
    ]);
  });

  it("is refused if it is none, or has no modules", () => {
    using folder = temporary();
    const none = join(folder.path, "vmlinuz");
    expect(() => readMachineKernel(none)).toThrow("can't be read");
    expect(() => readMachineKernel(write(none, "text"))).toThrow("is no kernel for x86-64");
    const bare = kernelFile(join(folder.path, "bare/vmlinuz"), "6.9.1-x");
    expect(() => readMachineKernel(bare)).toThrow("there are no modules of kernel 6.9.1-x");
    mkdirSync(join(folder.path, "bare/modules/kernel"), { recursive: true });
    expect(() => readMachineKernel(bare)).toThrow("have no overlay file system");
  });
});

describe("tests in a machine", () => {
  const { PATH } = process.env;
  afterEach(() => {
    process.env.PATH = PATH;
  });

  /** A program in QEMU's place that says this at the machine's second serial port. */
  async function run(said: string, { hasEmulator = true } = {}) {
    using folder = temporary();
    const kernel = kernelFile(join(folder.path, "vmlinuz"), "6.9.1-x");
    write(join(folder.path, "modules/kernel/overlay.ko"), "x");
    write(join(folder.path, "said"), said);
    const emulator = `#!/bin/sh
for word; do case $word in file:*/port) cat ${folder.path}/said > "\${word#file:}" ;; esac; done
echo went away >&2
`;
    if (hasEmulator) write(join(folder.path, "bin/qemu-system-x86_64"), emulator, 0o755);
    process.env.PATH = `${join(folder.path, "bin")}:${hasEmulator ? PATH : ""}`;
    const gander = write(join(folder.path, "gander/gander.mjs"), "");
    const { signal } = new AbortController();
    const engine = createMachineEngine({
      ...{ kernel, signal, timeoutMs: 10_000, program: { node: small, gander } },
    });
    return await engine.run([{ ...test, test: { ...test.test, cases: [] } }, test]);
  }
  const answer = (status: number, out: string, err = "") =>
    `begun\n${status} ${Buffer.byteLength(out)}\n${out}${err}`;

  it("have the results that the program there gives", async () => {
    const cases = test.test.cases.map(({ name, line, expect: expected }) => ({
      ...{ name, line, expected, verdict: "reported", why: "größer" },
    }));
    const json = JSON.stringify({ files: [{ file: test.file, cases }] });
    expect(await run(answer(1, json))).toEqual([[], cases]);
  });

  it.each([
    ["it can't run the tests", answer(2, "", "gander: no tracefs\n"), "could not be run"],
    ["a case has no answer", answer(0, '{"files":[]}'), "could not be run"],
    ["it ends too early", "begun\n", "ended before its command did"],
    ["it does not begin", "", "ended before it began"],
  ])("fail if %s", async (_, said, message) => {
    await expect(run(said)).rejects.toThrow(message);
  });

  it("say what to install", async () => {
    await expect(run("", { hasEmulator: false })).rejects.toMatchObject({
      message: expect.stringContaining("there is no qemu-system-x86_64"),
      hint: expect.stringContaining("qemu-system-x86 (Debian"),
    });
  });
});
