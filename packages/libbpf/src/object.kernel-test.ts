// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { callUmask, loadFixture, readCounter, readFixture, u32, u64 } from "../test/fixture.ts";
import { BpfError, enableStatistics, loadObject, readValue, VerifierError } from "./index.ts";

test("a refused program's error quotes the telling lines", () => {
  assert.throws(
    () => loadFixture(["refused"]),
    (error: unknown) => {
      assert.ok(error instanceof VerifierError && error instanceof BpfError);
      assert.equal(error.program, "refused");
      assert.equal(error.code, "VERIFIER");
      assert.match(error.lines.at(-1) ?? "", /invalid mem access 'map_value_or_null'/);
      assert.ok(
        error.lines.some((line) => line.includes("return *value")),
        error.message,
      );
      assert.ok(error.log.length > error.message.length);
      assert.doesNotMatch(error.message, /processed \d+ insns/);
      return true;
    },
  );
});

test("an unknown attach target is named", () => {
  assert.throws(
    () => loadFixture(["by_fentry"], { targets: { by_fentry: "no_such_function" } }),
    /no_such_function/,
  );
  assert.throws(() => loadFixture(["template_fentry"]), /attach target/);
});

test("one spec loads many objects, each with what it held at that moment", () => {
  const spec = readFixture();
  for (const name of ["by_fentry", "by_fexit"]) {
    const program = spec.programs.get(name);
    assert.ok(program);
    program.load = true;
    program.attachTarget = "__x64_sys_umask";
  }
  const objects = [loadObject(spec), loadObject(spec)];
  const links = objects.map((object) => object.program("by_fentry").attach());
  callUmask();
  for (const object of objects) assert.ok(readCounter(object.map("counters"), "fentry") >= 1);
  for (const link of links) link.close();
  for (const object of objects) object.close();
});

test("global variables are read by their types", () => {
  using object = loadFixture([], {
    variables: {
      shape: { kind: 3, limit: 2n ** 63n, corners: [{ x: 1, y: -1 }], label: "abc" },
      initialised: 5n,
      favourite: "BY_LSM",
    },
  });
  const read = (name: string) => {
    const variable = object.spec.variables.get(name);
    assert.ok(variable && object.spec.btf);
    const section = object.map(variable.map).get(u32(0)) ?? new Uint8Array();
    return readValue(object.spec.btf, variable.typeId, section.subarray(variable.offset));
  };
  assert.deepEqual(read("shape"), {
    kind: 3,
    limit: 2n ** 63n,
    corners: [
      { x: 1, y: -1 },
      { x: 0, y: 0 },
    ],
    label: "abc",
  });
  assert.equal(read("favourite"), "BY_LSM");
  assert.equal(read("initialised"), 5n);
  assert.equal(read("zeroed"), 0n);
  assert.equal(read("only_pid"), process.pid);
});

test("program info, statistics and test runs", () => {
  using object = loadFixture(["by_fentry", "returns_seven"]);
  const program = object.program("by_fentry");
  using _link = program.attach();
  callUmask(3);
  assert.equal(program.info().runCount, 0n);
  {
    using _statistics = enableStatistics();
    callUmask(3);
  }
  const info = program.info();
  assert.ok(info.runCount >= 3n && info.runTimeNs > 0n);
  assert.equal(info.type, "tracing");
  assert.match(info.tag, /^[0-9a-f]{16}$/);
  assert.ok(info.verifiedInstructions > 5 && program.memoryBytes() >= 4096);
  assert.ok(program.mapIds().includes(object.map("counters").info().id));
  const run = object.program("returns_seven").testRun({ data: new Uint8Array(64), repeat: 10 });
  assert.equal(run.returnValue, 7);
});

test("handles of a closed object throw, clones go on", () => {
  const object = loadFixture(["by_fentry"]);
  const map = object.map("counters");
  const program = object.program("by_fentry");
  const kept = object.map("pairs").clone();
  assert.equal(object.map("counters"), map, "the same handle each time");
  object.close();
  for (const call of [
    () => object.close(),
    () => object.map("counters"),
    () => object.program("by_fentry"),
    () => map.get(u32(0)),
    () => program.attach(),
    () => program.info(),
  ])
    assert.throws(call, { code: "CLOSED" }, String(call));
  kept.set(u64(1), u64(1));
  kept.close();
  object[Symbol.dispose]();
});

test("unknown names are answered with the known ones", () => {
  using object = loadFixture([]);
  assert.throws(() => object.map("nope"), { code: "ARGUMENT", hint: /counters/ });
  assert.throws(() => object.program("nope"), { code: "ARGUMENT", hint: /by_fentry/ });
  assert.throws(() => object.program("by_fentry"), /was not loaded/);
});

test("a map that can't be made fails the load", () => {
  const spec = readFixture();
  const events = spec.maps.get("events");
  assert.ok(events);
  events.valueSize = 5;
  assert.throws(() => loadObject(spec), BpfError);
  events.valueSize = -1;
  assert.throws(() => loadObject(spec), { code: "ARGUMENT" });
});
