// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { argumentError, type BpfError, kernelError } from "./bpf-error.ts";
import { check, checked, type Descriptor, Handle } from "./handle.ts";
import { type MapType, mapTypes, nameOf, numberOf } from "./kernel-names.ts";
import { deleteMany, type Entries, entryBatches, updateMany } from "./map-batch.ts";
import { MapMemory } from "./map-memory.ts";
import { lookupSizeOf, type MapShape } from "./map-shape.ts";
import { type Errno, type NativeFd, native } from "./native.ts";
import { pinTo } from "./pin.ts";

export interface MapInfo extends MapShape {
  readonly id: number;
  /** The kernel's id of the BTF that describes key and value, 0 for none. */
  readonly btfId: number;
}

export interface MapOptions extends Partial<MapShape> {
  readonly type: MapType;
  readonly maxEntries: number;
  /** For maps of maps: the shape of what they hold. */
  readonly inner?: BpfMap;
}

/** Which keys an update may meet. */
export type UpdateMode = "any" | "create" | "replace";
const updateModes: Readonly<Record<UpdateMode, number>> = { any: 0, create: 1, replace: 2 };

/**
 * A map in the kernel. Keys and values are bytes as the kernel has them (little-endian on x86-64);
 * values of a per-CPU map hold one value for each possible CPU, each padded to 8 bytes.
 * It lives on in the kernel while a program, a pin or another process holds it.
 */
export class BpfMap implements Disposable {
  readonly shape: MapShape;
  readonly #handle: Handle;
  readonly #lookupSize: number;

  private constructor(fd: NativeFd, name: string | undefined) {
    const info = checked(native().mapInfo(fd), "map info", "Cannot read a map's shape");
    const type = nameOf(mapTypes, info.type) as MapType;
    this.shape = {
      name: name ?? info.name,
      type,
      keySize: info.keySize,
      valueSize: info.valueSize,
      maxEntries: info.maxEntries,
      flags: info.flags,
    };
    this.#handle = new Handle(fd, `map "${this.shape.name}"`);
    this.#lookupSize = lookupSizeOf(this.shape);
  }

  /** Takes over a handle of the native part; `name` where the kernel's is cut to 15 characters. */
  static fromFd(fd: NativeFd, name?: string): BpfMap {
    return new BpfMap(fd, name);
  }

  /** A new map, without an object. Name: up to 15 letters, digits, "_" and ".". */
  static create(options: MapOptions): BpfMap {
    const { name = "", type, keySize = 4, valueSize = 4, maxEntries, flags = 0, inner } = options;
    for (const [field, size] of Object.entries({ keySize, valueSize, maxEntries, flags }))
      if (!Number.isInteger(size) || size < 0 || size > 0xffff_ffff)
        throw argumentError(`Cannot create map "${name}": ${field} is ${size}.`);
    if (!/^[\w.]{0,15}$/.test(name))
      throw argumentError(
        `Cannot create map "${name}": its name has more than 15 characters or other than letters, digits, "_" and ".".`,
      );
    const number = numberOf(mapTypes, type, "map type");
    const fd = native().mapCreate(
      number,
      name,
      keySize,
      valueSize,
      maxEntries,
      flags,
      inner?.fd ?? null,
    );
    return new BpfMap(checked(fd, "map create", `Cannot create ${type} map "${name}"`), name);
  }

  /** What is pinned at a path of the bpf file system. */
  static fromPin(path: string): BpfMap {
    return new BpfMap(
      checked(native().objGet(path, "map"), "open pin", `Cannot open map ${path}`),
      undefined,
    );
  }

  /** By the kernel's id (CAP_SYS_ADMIN). */
  static fromId(id: number): BpfMap {
    return new BpfMap(
      checked(native().fdById(1, id), "open id", `Cannot open map ${id}`),
      undefined,
    );
  }

  get name(): string {
    return this.shape.name;
  }

  /** For other parts of this package. */
  get fd(): NativeFd {
    return this.#handle.fd;
  }

  get closed(): boolean {
    return this.#handle.closed;
  }

  /** The number of its file descriptor, to give to a child process (`stdio` of spawn). Valid until it is closed. */
  get descriptor(): number {
    return this.#handle.number;
  }

  /** Bytes that a lookup gives and an update takes. */
  get lookupSize(): number {
    return this.#lookupSize;
  }

  info(): MapInfo {
    const info = checked(
      native().mapInfo(this.fd),
      "map info",
      `Cannot read ${this.#what}'s shape`,
    );
    return { ...this.shape, id: info.id, btfId: info.btfId };
  }

  /** Bytes of kernel memory, as the kernel accounts for them in /proc/self/fdinfo. */
  memoryBytes(): number {
    const info = readFileSync(`/proc/self/fdinfo/${this.#handle.number}`, "utf8");
    return Number(/^memlock:\s*(\d+)/m.exec(info)?.[1] ?? Number.NaN);
  }

  /** A copy of the value, or undefined where the key isn't there. */
  get(key: Uint8Array): Uint8Array | undefined {
    const value = new Uint8Array(this.#lookupSize);
    return this.getInto(key, value) ? value : undefined;
  }

  /** Reads into the caller's bytes, without an allocation; false where the key isn't there. */
  getInto(key: Uint8Array, value: Uint8Array): boolean {
    this.#checkKey(key);
    this.#checkValue(value);
    return this.#found(native().mapLookup(this.fd, key, value, 0), "lookup");
  }

  /** Removes the entry and gives its value; for queues and stacks `key` is null. */
  take(key: Uint8Array | null): Uint8Array | undefined {
    if (key !== null || this.shape.keySize !== 0) this.#checkKey(key);
    const value = new Uint8Array(this.#lookupSize);
    return this.#found(native().mapTake(this.fd, key, value), "take") ? value : undefined;
  }

  /** Writes an entry. "create" fails with EEXIST, "replace" with ENOENT; a full map with E2BIG. */
  set(key: Uint8Array | null, value: Uint8Array, mode: UpdateMode = "any"): void {
    if (key !== null || this.shape.keySize !== 0) this.#checkKey(key);
    this.#checkValue(value);
    const flags = updateModes[mode];
    if (flags === undefined) throw argumentError(`Unknown update mode "${mode}".`);
    this.#check(native().mapUpdate(this.fd, key, value, flags), "update");
  }

  /** Puts a map into a map of maps, or a program into a program array. */
  setHandle(key: Uint8Array, value: Descriptor): void {
    this.#checkKey(key);
    if (this.shape.valueSize !== 4)
      throw argumentError(`${this.#what} can't hold maps or programs.`);
    this.#check(native().mapUpdateFd(this.fd, key, value.fd), "update");
  }

  /** False where the key isn't there. */
  delete(key: Uint8Array): boolean {
    this.#checkKey(key);
    return this.#found(native().mapDelete(this.fd, key), "delete");
  }

  /**
   * The key after `key` into `next`, or the first one for null; false after the last.
   * Where `key` was deleted meanwhile the kernel starts again with the first.
   */
  nextKey(key: Uint8Array | null, next: Uint8Array): boolean {
    if (key !== null) this.#checkKey(key);
    this.#checkKey(next);
    return this.#found(native().mapNextKey(this.fd, key, next), "next key");
  }

  /** All entries in runs, keys and values each in a row; the cheapest way to read a large map. */
  entryBatches(): Generator<Entries> {
    return entryBatches(this);
  }

  /** All entries, one by one; the bytes are copies. */
  *entries(): Generator<readonly [key: Uint8Array, value: Uint8Array]> {
    const { keySize } = this.shape;
    for (const { count, keys, values } of entryBatches(this)) {
      const valueSize = this.#lookupSize;
      for (let i = 0; i < count; i++)
        yield [
          keys.slice(i * keySize, (i + 1) * keySize),
          values.slice(i * valueSize, (i + 1) * valueSize),
        ];
    }
  }

  *keys(): Generator<Uint8Array> {
    for (const [key] of this.entries()) yield key;
  }

  /** Writes many entries, keys and values each in a row, with one call where the kernel can. */
  updateMany(keys: Uint8Array, values: Uint8Array): void {
    updateMany(this, keys, values);
  }

  /** Deletes many entries, their keys in a row; gives how many of them were there. */
  deleteMany(keys: Uint8Array): number {
    return deleteMany(this, keys);
  }

  /** No one writes to it any more from user space; with a program's read-only flag, a constant. */
  freeze(): void {
    this.#check(native().mapFreeze(this.fd), "freeze");
  }

  /** The values of an array made with BPF_F_MMAPABLE as memory: reads and writes without a call. */
  memory(): MapMemory {
    return MapMemory.of(this.fd, this.shape);
  }

  /** Keeps the map in the kernel after all processes are gone. Fails with EEXIST. */
  pin(path: string): void {
    pinTo(this.fd, path, this.#what);
  }

  /** Another handle of the same map, closed by itself. */
  clone(): BpfMap {
    return new BpfMap(
      checked(native().fdDuplicate(this.fd), "duplicate", `Cannot duplicate ${this.#what}`),
      this.name,
    );
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }

  get #what(): string {
    return this.#handle.what;
  }

  #checkKey(key: Uint8Array | null): void {
    if (!(key instanceof Uint8Array) || key.byteLength !== this.shape.keySize)
      throw wrongBytes(`a key of ${this.#what}`, key, this.shape.keySize);
  }

  #checkValue(value: Uint8Array): void {
    if (!(value instanceof Uint8Array) || value.byteLength !== this.#lookupSize)
      throw wrongBytes(`a value of ${this.#what}`, value, this.#lookupSize);
  }

  #check(result: Errno, operation: string): void {
    const hint =
      result === -constants.errno.EPERM
        ? "The map is frozen or read-only, or CAP_BPF is missing."
        : undefined;
    check(result, `map ${operation}`, `Cannot ${operation} in ${this.#what}`, hint);
  }

  #found(result: Errno, operation: string): boolean {
    if (result === 0) return true;
    const error = kernelError(result, `map ${operation}`, `Cannot ${operation} in ${this.#what}`);
    if (error.code === "ENOENT") return false;
    throw error;
  }
}

function wrongBytes(what: string, given: unknown, size: number): BpfError {
  const got =
    given instanceof Uint8Array
      ? `${given.byteLength} bytes`
      : given === null
        ? "null"
        : typeof given;
  return argumentError(`Expected a Uint8Array of ${size} bytes as ${what}, got ${got}.`);
}
