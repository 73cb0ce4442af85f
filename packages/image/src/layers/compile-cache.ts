// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";

const run = promisify(execFile);

/** Below the library. The environment of the images says so. */
const FOLDER = "cache";
export const compileCacheEnvironment = (library: string): Readonly<Record<string, string>> => ({
  NODE_COMPILE_CACHE: `${library}/${FOLDER}`,
  // Modules are known by their paths relative to the cache, so that it can be made elsewhere.
  NODE_COMPILE_CACHE_PORTABLE: "1",
});

/**
 * With a seed of their own, the caches of two builds are the same bytes. The programs themselves run with
 * a random one, as they must: an attacker who knew it could make keys that collide. V8 hashes all strings
 * of a cache again when it reads it.
 */
const SEEDED = ["--hash-seed=1", "--no-flush-bytecode"];

/** The working directory by a name that is the same for every build: a cache holds the paths of modules. */
const HERE = "/proc/self/cwd";
const KEEP_NAMES = ["--preserve-symlinks", "--preserve-symlinks-main"];

export interface WarmUp {
  /** Main module, a file of the library. */
  readonly module: string;
  /** Command lines whose functions are compiled as well. They fail quickly and change nothing. */
  readonly commands: readonly (readonly string[])[];
  /** Whom the program runs as: a cache is for one user. */
  readonly uid: number;
}

/**
 * Puts what Node's compiler makes of the modules in `library` beside them. Node takes it if version, flags
 * and source are the same, on any CPU; a user other than `uid` starts as without a cache.
 */
export async function stageCompileCache(library: string, warmUp: WarmUp): Promise<void> {
  const env = { ...compileCacheEnvironment(HERE), HOME: "/nonexistent" };
  const options = { env, cwd: library, timeout: 60_000 };
  const node = (...args: readonly string[]) =>
    run(process.execPath, [...SEEDED, ...KEEP_NAMES, ...args], options);
  // Without a sensor and a cluster it fails; what it compiled until then is kept.
  for (const command of warmUp.commands)
    await node(`${HERE}/${warmUp.module}`, ...command).catch(() => {});
  const onDemand = await modulesOnDemand(library);
  // Node wants a main module, too.
  await node(...onDemand.map((module) => `--import=${module}`), onDemand[0] ?? "");
  const [plain, seeded] = await Promise.all([readTraits([]), readTraits(SEEDED)]);
  const cache = join(library, FOLDER);
  const [made = "", ...others] = await readdir(cache);
  if (!made.includes(seeded.tag) || others.length > 0)
    throw new Error(`Node named its cache ${[made, ...others]}, not after ${seeded.tag}`);
  const name = made.replace(seeded.tag, plain.tag).replace(/-\d+$/, `-${warmUp.uid}`);
  for (const entry of await readdir(join(cache, made))) {
    const file = join(cache, made, entry);
    await writeFile(file, withFlags(await readFile(file), seeded.header, plain.header));
  }
  await rename(join(cache, made), join(cache, name));
}

/** What programs load when they need it. Modules of ours do nothing by being imported. */
async function modulesOnDemand(library: string): Promise<readonly string[]> {
  const files = (await readdir(join(library, "lib"))).filter((file) => file.endsWith(".mjs"));
  return files.sort().map((file) => `${HERE}/lib/${file}`);
}

interface Traits {
  /** Of version and flags, as it stands in the name of a cache. */
  readonly tag: string;
  /** What a cache of V8 begins with: magic, version, source, flags (SerializedCodeData), 32 bits each. */
  readonly header: Buffer;
}

async function readTraits(flags: readonly string[]): Promise<Traits> {
  const script = `const { cachedDataVersionTag } = require("node:v8");
    const data = new (require("node:vm").Script)("0").createCachedData();
    console.log(cachedDataVersionTag().toString(16).padStart(8, "0"), data.toString("hex", 0, 16));`;
  const { stdout } = await run(process.execPath, [...flags, "--eval", script], { env: {} });
  const [tag = "", header = ""] = stdout.trim().split(" ");
  return { tag, header: Buffer.from(header, "hex") };
}

const NODE_HEADER_BYTES = 20;
const FLAGS_AT = 12;

/**
 * An entry of Node's cache as if it had been made with other flags of V8. Node's header before that of V8:
 * magic, size of the source, size of the data, CRC-32 of the source, CRC-32 of the data (compile_cache.cc).
 */
function withFlags(entry: Buffer, from: Buffer, to: Buffer): Buffer {
  const changed = Buffer.from(entry);
  const data = changed.subarray(NODE_HEADER_BYTES);
  const isKnown =
    changed.readUInt32LE(8) === data.length &&
    changed.readUInt32LE(16) === crc32(data) &&
    data.compare(from, 0, 8, 0, 8) === 0 &&
    data.compare(to, 0, 8, 0, 8) === 0 &&
    data.compare(from, FLAGS_AT, FLAGS_AT + 4, FLAGS_AT, FLAGS_AT + 4) === 0;
  if (!isKnown) throw new Error(`Node ${process.version} writes its compile cache in another form`);
  to.copy(data, FLAGS_AT, FLAGS_AT, FLAGS_AT + 4);
  changed.writeUInt32LE(crc32(data), 16);
  return changed;
}
