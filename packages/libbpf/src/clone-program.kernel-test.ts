// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, rmdirSync } from "node:fs";
import { test } from "node:test";
import { callUmask, loadFixture, readCounter, readFixture } from "../test/fixture.ts";
import {
  BpfMap,
  type BpfObject,
  cloneProgram,
  findAttachTargets,
  loadObject,
  mapFlags,
  readKernelBtf,
  setVariables,
  VerifierError,
} from "./index.ts";

// The template loops three times, adding clone_adds: bpf_loop has a callback, weigh() is global.
const btf = readKernelBtf();
const ids = new Map([
  ...findAttachTargets(btf, "trace_fentry", ["__x64_sys_umask", "__x64_sys_setuid", "nope"]),
  ...findAttachTargets(btf, "lsm_mac", ["path_mkdir"]),
  ...findAttachTargets(btf, "trace_raw_tp", ["sys_enter"]),
]);
const idOf = (name: string): number => ids.get(name) ?? assert.fail(`no ${name}`);

function loadTemplates(...names: string[]): BpfObject {
  return loadFixture(names, {
    targets: {
      template_fentry: { btfId: idOf("__x64_sys_setuid") },
      template_lsm: "path_mkdir",
    },
  });
}

test("clones have their own constants and targets, also after the object is closed", () => {
  const object = loadTemplates("template_fentry");
  const counters = object.map("counters").clone();
  const umask = { btfId: idOf("__x64_sys_umask") };
  const clones = [1, 10, 100].map((adds) =>
    cloneProgram(object, "template_fentry", {
      name: `adds_${adds}`,
      attachTarget: umask,
      rodata: { clone_adds: adds },
    }),
  );
  object.close();
  const links = clones.map((clone) => clone.attach());
  callUmask();
  assert.equal(readCounter(counters, "clone"), 3 * 111);
  assert.equal(clones[1]?.info().name, "adds_10");
  for (const held of [...links, ...clones, counters]) held.close();
});

test("fexit from an fentry template, kprobe and LSM clones", () => {
  using object = loadTemplates("template_fentry", "template_kprobe", "template_lsm");
  using fexit = cloneProgram(object, "template_fentry", {
    attachType: "trace_fexit",
    attachTarget: { btfId: idOf("__x64_sys_umask") },
    rodata: { clone_adds: 2 },
  });
  using kprobe = cloneProgram(object, "template_kprobe", { rodata: { clone_adds: 5 } });
  using lsm = cloneProgram(object, "template_lsm", {
    attachTarget: { btfId: idOf("path_mkdir") },
    rodata: { verdict: -13 },
  });
  {
    using _fexit = fexit.attach();
    using _kprobe = kprobe.attach({ kind: "kprobe", function: "__x64_sys_umask" });
    callUmask();
    assert.equal(readCounter(object.map("counters"), "clone"), 3 * 7);
  }
  {
    using _lsm = lsm.attach();
    assert.throws(() => mkdirSync("/tmp/clone-test"), { code: "EACCES" });
  }
  mkdirSync("/tmp/clone-test");
  rmdirSync("/tmp/clone-test");
});

test("a clone of a BTF tracepoint's program is a program for that tracepoint", () => {
  using object = loadFixture(["by_btf_tracepoint"]);
  using clone = cloneProgram(object, "by_btf_tracepoint", {
    attachTarget: { btfId: idOf("sys_enter") },
    rodata: { only_pid: 1 },
  });
  using _link = clone.attach();
  callUmask(5);
  assert.equal(readCounter(object.map("counters"), "btf_tracepoint"), 0);
  assert.equal(ids.has("nope"), false);
});

test("a clone uses other maps where it is told to", () => {
  using object = loadTemplates("template_fentry");
  const { type, keySize, valueSize, maxEntries } = object.map("counters").shape;
  using mine = BpfMap.create({ type, keySize, valueSize, maxEntries, flags: mapFlags.mmapable });
  using clone = cloneProgram(object, "template_fentry", {
    attachTarget: { btfId: idOf("__x64_sys_umask") },
    maps: { counters: mine },
  });
  using _link = clone.attach();
  callUmask();
  assert.equal(readCounter(mine, "clone"), 3);
  assert.equal(readCounter(object.map("counters"), "clone"), 0);
});

test("a clone starts from what its object was loaded with", () => {
  const spec = readFixture();
  setVariables(spec, { only_pid: process.pid, clone_adds: 7 });
  const program = spec.programs.get("template_fentry") ?? assert.fail();
  program.load = true;
  program.attachTarget = { btfId: idOf("__x64_sys_setuid") };
  using object = loadObject(spec);
  setVariables(spec, { only_pid: 1, clone_adds: 1000 });
  using clone = cloneProgram(object, "template_fentry", {
    attachTarget: { btfId: idOf("__x64_sys_umask") },
    rodata: { verdict: 0 },
  });
  using _link = clone.attach();
  callUmask();
  assert.equal(readCounter(object.map("counters"), "clone"), 3 * 7);
});

test("what can't be cloned is said", () => {
  const object = loadTemplates("template_fentry");
  const clone = (options: object, name = "template_fentry") => cloneProgram(object, name, options);
  assert.throws(() => clone({}, "nope"), /no program "nope"/);
  assert.throws(() => clone({ name: "two words" }), /Cannot name/);
  assert.throws(() => clone({}, "template_lsm"), { code: "ENOENT" });
  assert.throws(() => clone({ maps: { nope: object.map("counters") } }), /no map "nope"/);
  assert.throws(() => clone({ rodata: { nope: 1 } }), /no variable "nope"/);
  assert.throws(() => clone({ rodata: { zeroed: 1 } }), /is in .bss/);
  assert.throws(() => clone({ rodata: new Uint8Array(3) }), /Expected \d+ bytes/);
  assert.throws(() => clone({ attachTarget: { btfId: 1 } }), VerifierError);
  object.close();
  assert.throws(() => clone({}), { code: "CLOSED" });
});
