// SPDX-License-Identifier: Apache-2.0
import { argumentError, type BpfError, kernelError } from "./bpf-error.ts";
import { lookupSizeOf, type MapShape } from "./map-shape.ts";
import { type Errno, type NativeFd, native } from "./native.ts";

// enum batch_kind in native/map.c
const batch = { lookup: 0, take: 1, update: 2, delete: 3 } as const;

/** Entries read with one call; more are asked for where a bucket of a hash holds more. */
const firstBatch = 1024;

/** How the kernel says that it has no such call for this type of map (or, before 5.6, at all). */
const unsupported: ReadonlySet<string> = new Set(["EINVAL", "ENOTSUPP", "EOPNOTSUPP"]);

/** A map as far as these calls are concerned. */
export interface Batchable {
  readonly fd: NativeFd;
  readonly shape: MapShape;
}

/** A run of entries: `count` keys in a row, and as many values. */
export interface Entries {
  readonly count: number;
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
}

/**
 * All entries in runs, with one call for many where the kernel can. Entries that come or go
 * meanwhile may be missed; one may be seen twice where the kernel has no such call.
 */
export function* entryBatches(map: Batchable): Generator<Entries> {
  const { keySize } = map.shape;
  const valueSize = lookupSizeOf(map.shape);
  let size = Math.min(firstBatch, Math.max(map.shape.maxEntries, 1));
  let token: Uint8Array | null = null;
  for (;;) {
    const next = new Uint8Array(Math.max(keySize, 8));
    const keys = new Uint8Array(size * keySize);
    const values = new Uint8Array(size * valueSize);
    const result = native().mapBatch(map.fd, batch.lookup, token, next, keys, values, size, 0);
    const error = failure(result.error, map, "read");
    if (error?.code === "ENOSPC" && size < 1 << 24) {
      size *= 2;
      continue;
    }
    if (error !== undefined && token === null && unsupported.has(error.code)) {
      yield* entriesOneByOne(map);
      return;
    }
    if (error !== undefined && error.code !== "ENOENT") throw error;
    const { count } = result;
    if (count > 0)
      yield {
        count,
        keys: keys.subarray(0, count * keySize),
        values: values.subarray(0, count * valueSize),
      };
    if (error !== undefined) return;
    token = next;
  }
}

function* entriesOneByOne(map: Batchable): Generator<Entries> {
  const valueSize = lookupSizeOf(map.shape);
  let key: Uint8Array | null = null;
  // A key that is deleted meanwhile sends the kernel back to the first one.
  for (let seen = 0; seen < 4 * map.shape.maxEntries + 4; seen++) {
    const next = new Uint8Array(map.shape.keySize);
    const end = failure(native().mapNextKey(map.fd, key, next), map, "read");
    if (end?.code === "ENOENT") return;
    if (end !== undefined) throw end;
    key = next;
    const values = new Uint8Array(valueSize);
    const gone = failure(native().mapLookup(map.fd, next, values, 0), map, "read");
    if (gone === undefined) yield { count: 1, keys: next, values };
    else if (gone.code !== "ENOENT") throw gone;
  }
}

/**
 * Writes many entries. What was written before an error stays; the error says how many that were.
 * Not atomic: a program may see some of them and not yet the others.
 */
export function updateMany(map: Batchable, keys: Uint8Array, values: Uint8Array): void {
  const { keySize } = map.shape;
  const valueSize = lookupSizeOf(map.shape);
  const count = countOf(map, keys, keySize, "keys");
  if (countOf(map, values, valueSize, "values") !== count)
    throw argumentError(`Expected as many values as keys for map "${map.shape.name}".`);
  if (count === 0) return;
  const result = native().mapBatch(map.fd, batch.update, null, null, keys, values, count, 0);
  if (result.error === 0) return;
  const error = failed(result.error, map, `write entry ${result.count + 1} of ${count}`);
  if (result.count > 0 || !unsupported.has(error.code)) throw error;
  for (let index = 0; index < count; index++) {
    const key = slice(keys, index, keySize);
    const single = native().mapUpdate(map.fd, key, slice(values, index, valueSize), 0);
    if (single !== 0) throw failed(single, map, `write entry ${index + 1} of ${count}`);
  }
}

/** Deletes many entries and gives how many of them were there. */
export function deleteMany(map: Batchable, keys: Uint8Array): number {
  const { keySize } = map.shape;
  const total = countOf(map, keys, keySize, "keys");
  let deleted = 0;
  for (let from = 0; from < total; ) {
    const rest = keys.subarray(from * keySize);
    const left = total - from;
    const result = native().mapBatch(map.fd, batch.delete, null, null, rest, null, left, 0);
    const error = failure(result.error, map, "delete");
    if (error !== undefined && from === 0 && result.count === 0 && unsupported.has(error.code))
      return deleteOneByOne(map, keys, total);
    if (error !== undefined && error.code !== "ENOENT") throw error;
    // It stops at a key that isn't there: that one is passed over.
    deleted += result.count;
    from += error === undefined ? left : result.count + 1;
  }
  return deleted;
}

function deleteOneByOne(map: Batchable, keys: Uint8Array, total: number): number {
  let deleted = 0;
  for (let index = 0; index < total; index++) {
    const result = native().mapDelete(map.fd, slice(keys, index, map.shape.keySize));
    const error = failure(result, map, "delete");
    if (error === undefined) deleted++;
    else if (error.code !== "ENOENT") throw error;
  }
  return deleted;
}

function countOf(map: Batchable, bytes: Uint8Array, size: number, what: string): number {
  if (bytes instanceof Uint8Array && size > 0 && bytes.byteLength % size === 0)
    return bytes.byteLength / size;
  throw argumentError(
    `Expected ${what} of map "${map.shape.name}" in a row as a Uint8Array, ${size} bytes each.`,
  );
}

function slice(bytes: Uint8Array, index: number, size: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}

function failure(result: Errno, map: Batchable, what: string): BpfError | undefined {
  return result === 0 ? undefined : failed(result, map, what);
}

function failed(result: Errno, map: Batchable, what: string): BpfError {
  return kernelError(result, `map ${what}`, `Cannot ${what} in map "${map.shape.name}"`);
}
