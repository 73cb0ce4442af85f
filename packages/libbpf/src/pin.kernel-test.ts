// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { mkdirSync, rmdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { callUmask, loadFixture, readCounter, readFixture, u64 } from "../test/fixture.ts";
import { BpfLink, BpfMap, BpfProgram, loadObject, unpin } from "./index.ts";

const folder = "/sys/fs/bpf/pin-test";
before(() => mkdirSync(folder));
after(() => rmdirSync(folder));

test("pinned links go on without their process, and are adopted", () => {
  {
    using object = loadFixture(["by_fentry"]);
    using link = object.program("by_fentry").attach();
    object.map("counters").pin(`${folder}/counters`);
    object.program("by_fentry").pin(`${folder}/program`);
    link.pin(`${folder}/link`);
    assert.throws(() => link.pin(`${folder}/link`), { code: "EEXIST" });
  }
  callUmask(3);
  using counters = BpfMap.fromPin(`${folder}/counters`);
  using program = BpfProgram.fromPin(`${folder}/program`, { attachType: "trace_fentry" });
  using link = BpfLink.fromPin(`${folder}/link`);
  assert.equal(readCounter(counters, "fentry"), 3);
  assert.equal(link.info().programId, program.info().id);
  for (const name of ["counters", "program", "link"])
    assert.equal(unpin(`${folder}/${name}`), true);
  assert.equal(unpin(`${folder}/link`), false);
  link.close();
  using again = program.attach({ kind: "trace" });
  callUmask();
  assert.equal(readCounter(counters, "fentry"), 4);
  assert.ok(!again.closed);
});

test("adopting something else says so", () => {
  using object = loadFixture(["by_fentry"]);
  object.map("counters").pin(`${folder}/map`);
  object.program("by_fentry").pin(`${folder}/program`);
  try {
    assert.throws(() => BpfLink.fromPin(`${folder}/map`), /something else/);
    assert.throws(() => BpfProgram.fromPin(`${folder}/map`), /something else/);
    assert.throws(() => BpfMap.fromPin(`${folder}/program`), /something else/);
    assert.throws(() => BpfMap.fromPin(`${folder}/nope`), { code: "ENOENT" });
    assert.throws(() => BpfMap.fromPin("/etc/passwd"), { code: "EACCES" });
    assert.throws(() => object.map("pairs").pin("/tmp/not-bpf"), /bpf file system/);
    assert.throws(() => object.map("pairs").pin(`${folder}/none/there`), { code: "ENOENT" });
  } finally {
    unpin(`${folder}/map`);
    unpin(`${folder}/program`);
  }
});

test("a map with a pin path is made once and found again", () => {
  const spec = readFixture();
  const pairs = spec.maps.get("pairs");
  assert.ok(pairs);
  pairs.pinPath = `${folder}/pairs`;
  using first = loadObject(spec);
  using second = loadObject(spec);
  first.map("pairs").set(u64(1), u64(2));
  assert.deepEqual(second.map("pairs").get(u64(1)), u64(2));
  pairs.maxEntries = 3;
  assert.throws(() => loadObject(spec), /parameter mismatch|incompatible/);
  unpin(`${folder}/pairs`);
});
