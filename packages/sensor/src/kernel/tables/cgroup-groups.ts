// SPDX-License-Identifier: Apache-2.0
import type { BpfMap } from "@gander/libbpf";
import { cgroupPlace, configFlags, limits } from "../../link/abi.gen.ts";
import type { SetConfigFlag } from "./config-flags.ts";

/**
 * The group of policies of each cgroup; cgroups that aren't listed belong to group 0. The programs add
 * entries, too: a new cgroup gets the group of its parent.
 */
export interface CgroupGroups {
  /** @throws BpfError if there are too many cgroups. */
  set(cgroup: bigint, group: number): void;
  delete(cgroup: bigint): void;
  /** All listed cgroups, as of now. */
  entries(): Iterable<readonly [cgroup: bigint, group: number]>;
  /** Makes lookups fast again where cgroups that no longer exist have shared a place. */
  tidy(): void;
}

type Deps = {
  /** The hash, which is always right, and the array, which saves lookups in it. */
  readonly cgroups: Pick<BpfMap, "entries" | "set" | "delete">;
  readonly places: BigUint64Array;
  readonly setFlag: SetConfigFlag;
  /** Tells programs how many are listed: they leave room for those of other pods. */
  readonly setListed: (count: number) => void;
};

const PLACE_TAKEN = BigInt(cgroupPlace.PLACE_TAKEN);
const PLACE_SHARED = BigInt(cgroupPlace.PLACE_SHARED);
const PLACE_CGROUP_SHIFT = BigInt(cgroupPlace.PLACE_CGROUP_SHIFT);
const wordEnd = 1n << 64n;

export function createCgroupGroups({ cgroups, places, setFlag, setListed }: Deps): CgroupGroups {
  const count = BigInt(places.length);
  const placeOf = (cgroup: bigint) => Number(cgroup % count);
  /** Undefined: the id does not fit, so the place is shared. */
  const single = (cgroup: bigint, group: number): bigint | undefined => {
    const word = ((cgroup / count) << PLACE_CGROUP_SHIFT) | PLACE_TAKEN | BigInt(group);
    return word < wordEnd ? word : undefined;
  };
  const isOf = (word: bigint, cgroup: bigint) =>
    (word & PLACE_SHARED) === 0n &&
    (word & PLACE_TAKEN) !== 0n &&
    word >> PLACE_CGROUP_SHIFT === cgroup / count;
  let added = 0n;
  const shared = () => (added++ << PLACE_CGROUP_SHIFT) | PLACE_SHARED;
  /** Programs write as well: replaces only the word that was read. */
  const replace = (place: number, next: (word: bigint) => bigint): void => {
    for (;;) {
      const word = Atomics.load(places, place);
      const wanted = next(word);
      if (wanted === word || Atomics.compareExchange(places, place, word, wanted) === word) return;
    }
  };

  function* entries(): Generator<readonly [bigint, number]> {
    for (const [key, value] of cgroups.entries()) {
      yield [
        new DataView(key.buffer, key.byteOffset).getBigUint64(0, true),
        new DataView(value.buffer, value.byteOffset).getUint32(0, true),
      ];
    }
  }

  return {
    entries,
    set(cgroup, group) {
      if (group >= limits.MAX_GROUPS) throw new RangeError(`there is no group ${group}`);
      cgroups.set(keyOf(cgroup), new Uint8Array(Uint32Array.of(group).buffer));
      replace(placeOf(cgroup), (word) =>
        word === 0n || isOf(word, cgroup) ? (single(cgroup, group) ?? shared()) : shared(),
      );
      setFlag(configFlags.CONFIG_CGROUPS, true);
    },
    delete(cgroup) {
      replace(placeOf(cgroup), (word) => (isOf(word, cgroup) ? 0n : word));
      cgroups.delete(keyOf(cgroup));
    },
    tidy() {
      // Read before the hash: a cgroup that a program adds meanwhile changes its place afterwards.
      const before = places.slice();
      const listed = new Map<number, bigint | "shared">();
      let size = 0;
      for (const [cgroup, group] of entries()) {
        size++;
        const place = placeOf(cgroup);
        const word = listed.has(place) ? undefined : single(cgroup, group);
        listed.set(place, word ?? "shared");
      }
      for (const [place, word] of before.entries()) {
        const wanted = listed.get(place) ?? 0n;
        if ((word & PLACE_SHARED) !== 0n && wanted !== "shared")
          Atomics.compareExchange(places, place, word, wanted);
      }
      setListed(size);
      if (size === 0) setFlag(configFlags.CONFIG_CGROUPS, false);
    },
  };
}

function keyOf(cgroup: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(cgroup).buffer);
}
