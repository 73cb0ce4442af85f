// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cgroupPlace, configFlags, limits } from "../../link/abi.gen.ts";
import { createCgroupGroups } from "./cgroup-groups.ts";
import { createConfigFlags } from "./config-flags.ts";

const taken = BigInt(cgroupPlace.PLACE_TAKEN);
const shared = BigInt(cgroupPlace.PLACE_SHARED);
const shift = BigInt(cgroupPlace.PLACE_CGROUP_SHIFT);
const mask = BigInt(cgroupPlace.PLACE_GROUP_MASK);
const last = limits.MAX_GROUPS - 1;

/** As find_group in bpf/evaluate.bpf.h. */
function groupOf(
  places: BigUint64Array,
  hash: ReadonlyMap<bigint, number>,
  cgroup: bigint,
): number {
  const known = places[Number(cgroup & 4095n)] ?? 0n;
  if ((known & shared) !== 0n) return hash.get(cgroup) ?? 0;
  return (known & taken) !== 0n && known >> shift === cgroup / 4096n ? Number(known & mask) : 0;
}

function create(before: readonly (readonly [bigint, number])[] = []) {
  const hash = new Map(before);
  const places = new BigUint64Array(4096);
  const words = new Int32Array(2);
  const idOf = (key: Uint8Array) => new DataView(key.buffer).getBigUint64(0, true);
  const during = { entries: () => {} };
  const cgroups = {
    *entries(): Generator<[Uint8Array, Uint8Array]> {
      for (const [id, group] of [...hash])
        yield [
          new Uint8Array(BigUint64Array.of(id).buffer),
          new Uint8Array(Uint32Array.of(group).buffer),
        ];
      during.entries();
    },
    set: (key: Uint8Array, value: Uint8Array) =>
      void hash.set(idOf(key), new DataView(value.buffer).getUint32(0, true)),
    delete: (key: Uint8Array) => hash.delete(idOf(key)),
  };
  let time = 1n;
  /** As inherit_group and take_place in bpf/cgroups.bpf.h. */
  const made = (cgroup: bigint, parent: bigint) => {
    const group = hash.get(parent);
    if (group === undefined) return;
    hash.set(cgroup, group);
    const place = Number(cgroup & 4095n);
    const own = BigInt.asUintN(64, (cgroup / 4096n) << shift);
    if (places[place] === 0n && own >> shift === cgroup / 4096n)
      places[place] = own | taken | BigInt(group);
    else places[place] = (time++ << shift) | shared;
  };
  const groups = createCgroupGroups({
    cgroups,
    places,
    setFlag: createConfigFlags(words, 1).set,
    setListed: () => {},
  });
  const seen = (cgroup: bigint) => groupOf(places, hash, cgroup);
  return { groups, hash, places, words, seen, made, during };
}

describe("createCgroupGroups", () => {
  it("tells the groups of cgroups in places of their own and in shared ones", () => {
    const { groups, words, seen, places } = create();
    const [one, sameplace, huge] = [77n, 77n + 4096n, 0xffff_ffff_ffff_f123n];
    groups.set(one, 1);
    expect(words[1]).toBe(configFlags.CONFIG_CGROUPS);
    expect([seen(one), seen(sameplace), seen(78n)]).toEqual([1, 0, 0]);
    groups.set(sameplace, last);
    groups.set(huge, 3);
    expect([seen(one), seen(sameplace), seen(77n + 8192n), seen(huge)]).toEqual([1, last, 0, 3]);
    groups.delete(one);
    expect([seen(one), seen(sameplace)]).toEqual([0, last]);
    expect(places[77]).not.toBe(0n);
    groups.tidy();
    expect(seen(huge)).toBe(3);
    expect(places[77]).toBe((1n << shift) | taken | BigInt(last));
    groups.set(sameplace, 0);
    groups.delete(huge);
    expect([seen(sameplace), seen(huge)]).toEqual([0, 0]);
    groups.delete(sameplace);
    groups.tidy();
    expect([seen(sameplace), words[1]]).toEqual([0, 0]);
    expect(places.every((word) => word === 0n)).toBe(true);
  });
  it("goes on with what an earlier sensor has written", () => {
    const { groups, seen, hash, places } = create([[5n, 9]]);
    places[5] = taken | 9n;
    groups.set(5n + 4096n, 7);
    expect([seen(5n), seen(5n + 4096n)]).toEqual([9, 7]);
    groups.delete(5n + 4096n);
    expect([seen(5n), hash.size]).toEqual([9, 1]);
    expect([...groups.entries()]).toEqual([[5n, 9]]);
  });
  it("does not undo what a program adds while it tidies up", () => {
    const { groups, seen, made, during } = create();
    groups.set(1n, 4);
    groups.set(1n + 4096n, 5);
    groups.delete(1n);
    during.entries = () => made(1n + 2n * 4096n, 1n + 4096n);
    groups.tidy();
    expect([seen(1n + 4096n), seen(1n + 2n * 4096n)]).toEqual([5, 5]);
  });
  it("is right whatever comes and goes, also in programs", () => {
    // The highest bits of some do not fit beside the group.
    const idOf = (n: bigint) => (n % 3n) + (n / 3n) * 4096n + (n === 10n ? 1n << 63n : 0n);
    const id = fc.bigInt({ min: 0n, max: 11n }).map(idOf);
    const step = fc.record({
      what: fc.constantFrom("set", "delete", "made", "tidy"),
      id,
      other: id,
      group: fc.integer({ min: 0, max: last }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { groups, hash, seen, made } = create();
        for (const { what, id, other, group } of steps) {
          if (what === "set") groups.set(id, group);
          else if (what === "delete") groups.delete(id);
          else if (what === "tidy") groups.tidy();
          // An id is given once.
          else if (!hash.has(id)) made(id, other);
          for (let n = 0n; n < 12n; n++) {
            const cgroup = idOf(n);
            expect(seen(cgroup)).toBe(hash.get(cgroup) ?? 0);
          }
        }
      }),
    );
  });
  it("has no more groups than there are", () => {
    expect(() => create().groups.set(1n, last + 1)).toThrow(`there is no group ${last + 1}`);
  });
});
