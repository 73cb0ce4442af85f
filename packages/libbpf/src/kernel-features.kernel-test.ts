// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { loadFixture, readCounter } from "../test/fixture.ts";
import {
  cloneProgram,
  fieldAt,
  findType,
  findTypes,
  functionPrototype,
  ModuleBtf,
  readKernelBtf,
  readKernelFeatures,
  readModuleBtf,
  sizeOfType,
  supportsHelper,
  supportsMapType,
  supportsProgramType,
  typeToString,
} from "./index.ts";

test("the features of this kernel", () => {
  const features = readKernelFeatures();
  const [major, minor] = features.version;
  assert.match(features.release, new RegExp(`^${major}\\.${minor}\\.`));
  assert.equal(features.btf, true);
  assert.equal(features.bpfLsm, true);
  assert.equal(features.lockdown, "none");
  assert.equal(features.ringBuffer, true);
  assert.equal(features.taskStorage, true);
  assert.equal(features.bpfLoop, true);
  assert.equal(features.kprobeMulti, major > 6 || minor >= 12, "Debian's 6.1 has no FPROBE");
  assert.equal(supportsProgramType("lsm"), true);
  assert.equal(supportsMapType("arena"), major > 6 || minor >= 9);
  assert.equal(supportsHelper("kprobe", "get_current_task"), true);
  assert.equal(supportsHelper("socket_filter", "send_signal"), false);
});

test("the kernel's types", () => {
  const btf = readKernelBtf();
  const id = findType(btf, "func", "security_file_permission");
  assert.ok(id !== undefined);
  const prototype = functionPrototype(btf, id);
  assert.deepEqual(
    prototype.parameters.map(({ name, type }) => `${type} ${name}`),
    ["struct file * file", "int mask"],
  );
  assert.equal(prototype.returnType, "int");
  const task = findType(btf, "struct", "task_struct") ?? assert.fail();
  assert.equal(fieldAt(btf, task, "comm")?.size, 16);
  assert.equal(
    fieldAt(btf, task, "comm[3]")?.offset,
    (fieldAt(btf, task, "comm")?.offset ?? 0) + 3,
  );
  assert.equal(fieldAt(btf, task, "nope"), undefined);
  assert.ok(sizeOfType(btf, task) > 1000);
  const file = findType(btf, "struct", "file") ?? assert.fail();
  const dentry = fieldAt(btf, file, "f_path.dentry") ?? assert.fail();
  assert.equal(typeToString(btf, dentry.typeId), "struct dentry *");
});

test("many names in one pass", () => {
  const btf = readKernelBtf();
  const names = ["tcp_connect", "security_bprm_check", "vfs_write", "no_such_function"];
  const started = process.hrtime.bigint();
  const found = findTypes(btf, "func", names);
  console.log(`# one pass: ${(process.hrtime.bigint() - started) / 1000n} µs under emulation`);
  assert.deepEqual([...found.keys()].toSorted(), names.slice(0, 3).toSorted());
});

test("a module's types build on the kernel's, and its functions are hooked", () => {
  execFileSync("modprobe", ["dummy", "numdummies=0"]);
  const kernel = readKernelBtf();
  const module = readModuleBtf("dummy", kernel);
  const id = findType(module, "func", "dummy_setup") ?? assert.fail();
  assert.ok(id >= module.firstId);
  assert.deepEqual(
    functionPrototype(module, id).parameters.map(({ type }) => type),
    ["struct net_device *"],
  );
  assert.throws(() => ModuleBtf.open("no_such_module"), { code: "ENOENT" });
  assert.match(
    openWithout("sys_admin", "dummy"),
    /^EPERM Cannot hook functions of module "dummy".*CAP_SYS_ADMIN/,
  );
  assert.match(openWithout("sys_admin", "no_such_module"), /^ENOENT /);
  using handle = ModuleBtf.open("dummy");
  using object = loadFixture(["template_fentry"], {
    variables: { only_pid: 0 },
    targets: { template_fentry: { btfId: id, module: handle } },
  });
  using clone = cloneProgram(object, "template_fentry", {
    attachTarget: { btfId: id, module: handle },
    rodata: { clone_adds: 10 },
  });
  using _first = object.program("template_fentry").attach();
  using _second = clone.attach();
  execFileSync("ip", ["link", "add", "libbpf-test", "type", "dummy"]);
  execFileSync("ip", ["link", "delete", "libbpf-test"]);
  assert.equal(readCounter(object.map("counters"), "clone"), 3 * 11);
});

/** What a process of root without that capability is told. */
function openWithout(capability: string, module: string): string {
  const library = new URL("./index.ts", import.meta.url).href;
  const script = `
    const { ModuleBtf } = await import(${JSON.stringify(library)});
    try { ModuleBtf.open(${JSON.stringify(module)}); console.log("opened"); }
    catch ({ code, message, hint }) { console.log(code, message, hint); }`;
  const rights = [`--bounding-set=-${capability}`, `--inh-caps=-${capability}`];
  return execFileSync(
    "setpriv",
    [...rights, process.execPath, "--input-type=module", "-e", script],
    {
      encoding: "utf8",
    },
  );
}
