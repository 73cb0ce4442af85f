// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadFixture, readFixture, u32, u64 } from "../test/fixture.ts";
import { BpfMap, loadObject, type MapType, mapFlags, supportsMapType } from "./index.ts";

const hash = (maxEntries = 64) =>
  BpfMap.create({ type: "hash", name: "pairs", keySize: 8, valueSize: 8, maxEntries });

test("entries are written, read and deleted", () => {
  using map = hash();
  assert.equal(map.get(u64(1)), undefined);
  map.set(u64(1), u64(10));
  map.set(u64(1), u64(11), "replace");
  assert.throws(() => map.set(u64(1), u64(12), "create"), { code: "EEXIST" });
  assert.throws(() => map.set(u64(2), u64(12), "replace"), { code: "ENOENT" });
  assert.deepEqual(map.get(u64(1)), u64(11));
  const value = new Uint8Array(8);
  assert.equal(map.getInto(u64(1), value), true);
  assert.deepEqual(value, u64(11));
  assert.deepEqual([...map.keys()], [u64(1)]);
  assert.equal(map.delete(u64(1)), true);
  assert.equal(map.delete(u64(1)), false);
  for (let i = 0; i < 64; i++) map.set(u64(i), u64(i));
  assert.throws(() => map.set(u64(64), u64(0)), { code: "E2BIG" });
});

// [type, key size]: hashes have batched calls, a trie of 6.1 too, stacks of traces have none.
const iterated: readonly [MapType, number][] = [
  ["hash", 8],
  ["lru_hash", 8],
  ["percpu_hash", 8],
  ["lpm_trie", 12],
  ["array", 4],
  ["percpu_array", 4],
];

for (const [type, keySize] of iterated)
  test(`many entries of ${type} at once`, () => {
    const count = 3000;
    using map = BpfMap.create({
      type,
      keySize,
      valueSize: 8,
      // An LRU map forgets when it is nearly full.
      maxEntries: type === "lru_hash" ? 4 * count : count,
      flags: type === "lpm_trie" ? mapFlags.noPrealloc : 0,
    });
    const keys = new Uint8Array(count * keySize);
    const values = new Uint8Array(count * map.lookupSize);
    for (let i = 0; i < count; i++) {
      const key = new DataView(keys.buffer, i * keySize);
      if (type === "lpm_trie") key.setUint32(0, 64, true);
      key.setUint32(type === "lpm_trie" ? 4 : 0, i, true);
      for (let at = 0; at < map.lookupSize; at += 8)
        new DataView(values.buffer, i * map.lookupSize + at).setBigUint64(0, BigInt(i * 3), true);
    }
    map.updateMany(keys, values);
    const seen = new Map([...map.entries()].map(([key, value]) => [hex(key), hex(value)]));
    assert.equal(seen.size, count);
    for (let i = 0; i < count; i += 97) {
      const key = keys.subarray(i * keySize, (i + 1) * keySize);
      const value = values.subarray(i * map.lookupSize, (i + 1) * map.lookupSize);
      assert.equal(seen.get(hex(key)), hex(value));
    }
    if (type.endsWith("array")) return;
    const half = keys.slice(0, (count / 2) * keySize);
    assert.equal(map.deleteMany(half), count / 2);
    assert.equal(map.deleteMany(keys), count / 2, "those that are gone are passed over");
    assert.deepEqual([...map.entries()], []);
  });

test("a batch that doesn't fit says how far it came", () => {
  using map = hash(4);
  const keys = u64(1, 2, 3, 4, 5, 6);
  assert.throws(() => map.updateMany(keys, keys), /entry 5 of 6/);
  assert.equal([...map.keys()].length, 4);
});

test("per-CPU values hold one for each CPU", () => {
  using object = loadFixture([]);
  const map = object.map("per_cpu");
  assert.equal(map.shape.valueSize, 4);
  assert.equal(map.lookupSize % 8, 0);
  const value = new Uint8Array(map.lookupSize).fill(0);
  value[map.lookupSize - 8] = 9;
  map.set(u32(0), value);
  assert.deepEqual(map.get(u32(0)), value);
  assert.throws(() => map.set(u32(0), u32(1)), { code: "ARGUMENT" });
});

test("an array's memory is shared with the kernel", () => {
  using map = BpfMap.create({
    type: "array",
    valueSize: 12,
    maxEntries: 1000,
    flags: mapFlags.mmapable,
  });
  const memory = map.memory();
  assert.equal(memory.stride, 16);
  new DataView(memory.buffer).setUint32(999 * 16 + 8, 77, true);
  assert.deepEqual(map.get(u32(999)), u32(0, 0, 77));
  map.set(u32(0), u32(1, 2, 3));
  assert.equal(Atomics.load(new Uint32Array(memory.buffer), 2), 3);
  const kept = new Uint32Array(memory.buffer);
  memory.close();
  assert.equal(kept.length, 0, "the memory is gone for whoever kept it");
  assert.throws(() => memory.buffer, { code: "CLOSED" });
  assert.throws(() => memory.close(), { code: "CLOSED" });
  using plain = hash();
  assert.throws(() => plain.memory(), { code: "ARGUMENT" });
});

test("memory that was transferred stays as long as its new owner", () => {
  using map = BpfMap.create({
    type: "array",
    valueSize: 8,
    maxEntries: 1,
    flags: mapFlags.mmapable,
  });
  const memory = map.memory();
  const moved = memory.buffer.transfer();
  memory.close();
  map.set(u32(0), u64(5));
  assert.equal(new BigUint64Array(moved)[0], 5n);
});

test("frozen maps are constants", () => {
  using map = BpfMap.create({ type: "array", maxEntries: 1, flags: mapFlags.mmapable });
  map.freeze();
  assert.throws(() => map.set(u32(0), u32(1)), { code: "EPERM" });
  assert.throws(() => map.memory(), { code: "EPERM" });
});

test("maps of maps hold maps, a queue gives and takes", () => {
  using inner = hash();
  using outer = BpfMap.create({ type: "array_of_maps", maxEntries: 2, inner });
  outer.setHandle(u32(0), inner);
  assert.deepEqual(outer.get(u32(0)), u32(inner.info().id));
  using same = BpfMap.fromId(inner.info().id);
  same.set(u64(1), u64(2));
  assert.deepEqual(inner.get(u64(1)), u64(2));
  using queue = BpfMap.create({ type: "queue", keySize: 0, valueSize: 4, maxEntries: 2 });
  queue.set(null, u32(1));
  queue.set(null, u32(2));
  assert.deepEqual(queue.take(null), u32(1));
  assert.deepEqual(queue.take(null), u32(2));
  assert.equal(queue.take(null), undefined);
});

test("the kernel's account of a map", () => {
  using map = hash();
  const info = map.info();
  assert.deepEqual(
    { ...info, id: 0 },
    {
      name: "pairs",
      type: "hash",
      keySize: 8,
      valueSize: 8,
      maxEntries: 64,
      flags: 0,
      id: 0,
      btfId: 0,
    },
  );
  assert.ok(info.id > 0);
  assert.ok(map.memoryBytes() > 64 * 16, `${map.memoryBytes()} bytes`);
});

test("objects share maps, resize them and start with given values", () => {
  const spec = readFixture();
  const pairs = spec.maps.get("pairs");
  assert.ok(pairs);
  pairs.maxEntries = 7;
  using first = loadObject(spec);
  using second = loadObject(spec, { maps: { pairs: first.map("pairs") } });
  first.map("pairs").set(u64(1), u64(2));
  assert.deepEqual(second.map("pairs").get(u64(1)), u64(2));
  assert.equal(second.map("pairs").shape.maxEntries, 7);
  assert.deepEqual(first.map(".data").get(u32(0)), u64(0x1122334455667788n));
  using wrong = hash(8);
  assert.throws(() => loadObject(spec, { maps: { counters: wrong } }), /its type is hash/);
  assert.throws(() => loadObject(spec, { maps: { nope: wrong } }), /no map "nope"/);
});

test("wrong use throws", () => {
  const map = hash();
  const wrong: readonly (() => unknown)[] = [
    () => map.get(u32(1)),
    () => map.get([] as unknown as Uint8Array),
    () => map.get(null as unknown as Uint8Array),
    () => map.set(null, u64(1)),
    () => map.set(u64(1), u32(1)),
    () => map.set(u64(1), u64(1), "nope" as "any"),
    () => map.getInto(u64(1), u32(1)),
    () => map.nextKey(u64(1), u32(1)),
    () => map.updateMany(u64(1, 2), u64(1)),
    () => map.updateMany(u32(1), u32(1)),
    () => map.deleteMany(u32(1)),
    () => map.pin("relative"),
    () => BpfMap.create({ type: "nope" as MapType, maxEntries: 1 }),
    () => BpfMap.create({ type: "hash", maxEntries: -1 }),
    () => BpfMap.create({ type: "hash", maxEntries: 1, name: "a name with spaces" }),
  ];
  for (const call of wrong) assert.throws(call, { code: "ARGUMENT" }, String(call));
  assert.throws(() => BpfMap.create({ type: "hash", maxEntries: 0 }), { code: "EINVAL" });
  map.close();
  for (const call of [
    () => map.get(u64(1)),
    () => map.close(),
    () => map.info(),
    () => map.clone(),
  ])
    assert.throws(call, { code: "CLOSED" }, String(call));
  assert.throws(() => [...map.entries()], { code: "CLOSED" });
  map[Symbol.dispose]();
});

test("ring buffers exist", () => assert.equal(supportsMapType("ringbuf"), true));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
