// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { HeldFile } from "@gander/libbpf";
import {
  algorithmsOf,
  type DigestAlgorithm,
  type FoundPlace,
  type HookPoint,
  type NoPlace,
  type ProbeSite,
  type ProgramFile,
  type ProgramPlace,
  placeText,
  type WantedFunction,
} from "@gander/policy";
import { type ElfFile, type NotElf, readElf } from "../elf/elf-file.ts";
import { codeBehind, findFunction, findReturn } from "../elf/find-function.ts";
import { findProbe } from "../elf/find-probe.ts";
import {
  createFileHolder,
  type FileHolder,
  hostRoot,
  inTime,
  unanswered,
  whyNotHeld,
} from "./file-holder.ts";

/**
 * Files of programs whose functions policies hook. Each is held, so that what is hooked is the file that was
 * read, whatever its path leads to by then.
 */
export interface ProgramFiles extends Disposable {
  /** Looks up the files; reads those that are new, have changed or lack a wanted function. */
  lookUp(wanted: Iterable<WantedFunction>): Promise<void>;
  /** As it was looked up. */
  program(path: string): ProgramFile;
  /** A path that leads to the held file. @throws Error if it is not that version any more */
  pathOf(file: NonNullable<HookPoint["file"]>): string;
  /** Releases all others. */
  keepOnly(paths: ReadonlySet<string>): void;
}

type Places = ReadonlyMap<string, FoundPlace | { readonly sites: readonly ProbeSite[] } | NoPlace>;

type Known = {
  readonly file: HeldFile;
  readonly version: string;
  readonly isGo: boolean;
  readonly places: Places;
  readonly digests: ReadonlySet<string>;
  /** Why this may not be the file that is there now; otherwise empty. */
  readonly doubt: string;
};

export function createProgramFiles(root = hostRoot): ProgramFiles {
  const known = new Map<string, Known | NoPlace>();
  const holder = createFileHolder(root, { links: "own" });
  const reader = createReader();
  const fileOf = (found: Known | NoPlace | undefined) =>
    found !== undefined && "file" in found ? found.file : undefined;
  const forget = (path: string) => {
    fileOf(known.get(path))?.close();
    known.delete(path);
  };
  const learn = async (path: string, wanted: readonly WantedFunction[]) => {
    const before = known.get(path);
    const found = await lookAt(path, { holder, reader, wanted, before });
    if (fileOf(found) !== fileOf(before)) forget(path);
    known.set(path, found);
  };
  let last = Promise.resolve();
  return {
    lookUp(wanted) {
      const byPath = Map.groupBy(wanted, ({ path }) => path);
      // One after the other: each changes what is known.
      last = last.then(async () => {
        await Promise.all([...byPath].map(([path, places]) => learn(path, places)));
      });
      return last;
    },
    program(path) {
      const found = known.get(path) ?? { problem: `${path} was not looked up yet`, hint: "" };
      if (!("file" in found)) return found;
      const { version, isGo, places, digests, doubt } = found;
      return {
        ...{ version, isGo, digests, doubt, file: found.file.path },
        place: (place) => placeIn(path, places, place),
        probe: (place) => probeIn(path, places, place),
      };
    },
    pathOf({ path, version }) {
      const found = known.get(path);
      if (found !== undefined && "file" in found && found.version === version)
        return descriptorPath(found.file);
      throw new Error(`the file ${path} has been replaced meanwhile`);
    },
    keepOnly(paths) {
      for (const path of [...known.keys()]) if (!paths.has(path)) forget(path);
    },
    [Symbol.dispose]() {
      for (const path of [...known.keys()]) forget(path);
    },
  };
}

const descriptorPath = (file: HeldFile) => `/proc/self/fd/${file.number}`;
const keyOf = (place: ProgramPlace) =>
  `${place.by} ${placeText(place)}${place.returns ? " returns" : ""}`;

function placeIn(path: string, places: Places, place: ProgramPlace) {
  const found = places.get(keyOf(place));
  return found !== undefined && "offset" in found ? found : noPlace(path, found);
}

function probeIn(path: string, places: Places, place: ProgramPlace) {
  const found = places.get(keyOf(place));
  return found !== undefined && "sites" in found ? found : noPlace(path, found);
}

function noPlace(path: string, found: object | undefined): NoPlace {
  if (found === undefined || !isNoPlace(found))
    return { problem: `${path} was not searched yet`, hint: "" };
  return { problem: `in ${path}: ${found.problem}`, hint: found.hint };
}

const isNoPlace = (found: object): found is NoPlace => "problem" in found;

type Look = {
  readonly holder: FileHolder;
  readonly reader: Reader;
  readonly wanted: readonly WantedFunction[];
  readonly before: Known | NoPlace | undefined;
};

/** With the file of `before` if that is the one that is there, or if it is not known which is there. */
async function lookAt(path: string, look: Look): Promise<Known | NoPlace> {
  const { holder, reader, wanted, before } = look;
  let file: HeldFile | undefined;
  try {
    file = await holder.hold(path);
  } catch (error) {
    return { problem: `${path}: ${whyNotHeld(error)}`, hint: pathHint };
  }
  const doubtful = (doubt: string): Known | NoPlace =>
    before !== undefined && "file" in before
      ? { ...before, doubt: `${path}: ${doubt}` }
      : { problem: `${path}: ${doubt}`, hint: "" };
  if (file === undefined) return doubtful(unanswered);
  let isKept = false;
  try {
    const version = versionOf(file);
    const same = before !== undefined && "file" in before && before.version === version;
    if (same && wanted.every((one) => isKnown(one, before))) return { ...before, doubt: "" };
    const held = file;
    const found = await reader.read(path, () => search(held, wanted));
    if ("unread" in found) return doubtful(found.unread);
    if ("problem" in found) return { problem: `${path} is ${found.problem}`, hint: programHint };
    const places = same ? new Map([...before.places, ...found.places]) : found.places;
    const digests = same ? before.digests.union(found.digests) : found.digests;
    isKept = true;
    return { file, version, isGo: found.isGo, places, digests, doubt: "" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `${path} cannot be read: ${reason}`, hint: "" };
  } finally {
    if (!isKept) file.close();
  }
}

/** The place was searched, and its digests were made. */
const isKnown = (wanted: WantedFunction, { places, digests }: Known) =>
  places.has(keyOf(wanted)) &&
  algorithmsOf(wanted.digests).every((algorithm) =>
    [...digests].some((digest) => digest.startsWith(`${algorithm}:`)),
  );

/** How long reading the tables of a large program may take. */
const readingMs = 10_000;

/** Threads of Node's pool of four that may be left behind, each in a file that does not answer. */
const maxLate = 2;

type Reader = {
  /** `unread`: why it was given up. */
  read<T extends object>(
    path: string,
    work: () => Promise<T>,
  ): Promise<T | { readonly unread: string }>;
};

/** Reads files one after the other, and leaves none of them more than one thread. */
function createReader(): Reader {
  const late = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    read(path, work) {
      const read = async () => {
        if (late.has(path)) return { unread: unanswered };
        if (late.size >= maxLate)
          return { unread: "it is not read while other files do not answer" };
        const reading = work();
        const found = await inTime(reading, readingMs);
        if (found !== undefined) return found;
        late.add(path);
        const done = () => void late.delete(path);
        reading.then(done, done);
        return { unread: unanswered };
      };
      const result = last.then(read);
      last = result.catch(() => {});
      return result;
    },
  };
}

const pathHint = "Write the path of a program or library as on the node itself";
const programHint = "Write the path of a program or library for this machine";

/** Files that are written in place keep their number; what they are compared by changes. */
const versionOf = ({ version }: HeldFile): string =>
  createHash("sha256").update(version).digest("hex").slice(0, 16);

async function search(held: HeldFile, wanted: readonly WantedFunction[]) {
  await using file = await open(descriptorPath(held), "r");
  const elf = await readPieces(file);
  if (elf.problem !== undefined) return { problem: elf.problem };
  const places = new Map<string, ReturnType<typeof findPlace>>();
  for (const place of wanted) places.set(keyOf(place), await findReturning(file, elf, place));
  const algorithms = algorithmsOf(wanted.flatMap(({ digests }) => digests));
  return { isGo: elf.isGo, places, digests: await digestsOf(file, algorithms, elf) };
}

async function findReturning(file: FileHandle, elf: ElfFile, place: ProgramPlace) {
  const found = findPlace(elf, place);
  if (!place.returns || !("offset" in found)) return found;
  const { position, length } = codeBehind(elf, found.offset);
  const bytes = Buffer.alloc(length);
  return findReturn(found, bytes.subarray(0, await fill(file, bytes, position)), place.name);
}

function findPlace(elf: ElfFile, { by, name, plus }: ProgramPlace) {
  return by === "probe" ? findProbe(elf, name) : findFunction(elf, { by, name, plus });
}

/** A program without a build-id has an empty one, so that it is not read again. */
async function digestsOf(
  file: FileHandle,
  algorithms: readonly DigestAlgorithm[],
  { buildId = "" }: ElfFile,
): Promise<ReadonlySet<string>> {
  const hashes = algorithms
    .filter((algorithm) => algorithm !== "build-id")
    .map((algorithm) => ({ algorithm, hash: createHash(algorithm) }));
  if (hashes.length > 0)
    for await (const bytes of file.createReadStream({ start: 0, autoClose: false }))
      for (const { hash } of hashes) hash.update(bytes);
  return new Set([
    ...hashes.map(({ algorithm, hash }) => `${algorithm}:${hash.digest("hex")}`),
    `build-id:${buildId}`,
  ]);
}

async function readPieces(file: FileHandle): Promise<ElfFile | NotElf> {
  const { size } = await file.stat();
  const reading = readElf();
  for (let next = reading.next(); ; ) {
    if (next.done) return next.value;
    const { position, length } = next.value;
    const bytes = Buffer.alloc(Math.max(0, Math.min(length, size - position)));
    next = reading.next(bytes.subarray(0, await fill(file, bytes, position)));
  }
}

async function fill(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  let at = 0;
  while (at < bytes.length) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, position + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at;
}
