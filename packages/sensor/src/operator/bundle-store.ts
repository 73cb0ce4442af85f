// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { link, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "@gander/policy/content";
import { writeDurably } from "../host/write-durably.ts";
import { decodeBundle, encodeBundle, type StoredBundle } from "./bundle-file.ts";
import { type EpochFloor, openEpochFloor } from "./epoch-floor.ts";
import type { BundleSources } from "./node-bundle.ts";

type BundleStoreOptions = {
  /** The folder of all files; created if it doesn't exist. */
  readonly folder: string;
  /** This sensor's node: a bundle of another one is refused. */
  readonly node: string;
};

/** The bundle found at the start. */
type FoundBundle = {
  /** Undefined: there is no usable one. */
  readonly bundle: StoredBundle | undefined;
  /** Whether it is the last one that was to be in force; if not, a later one is lost. */
  readonly isNewest: boolean;
  /** What is unusable and why, for users. */
  readonly problems: readonly string[];
};

/** The most unreferenced contents deleted after one save: avoids long work at once. */
const deletedAtOnce = 256;

/**
 * The last committed bundle, the previous one, and the contents of their policies and sets by digest. Contents that
 * couldn't be written yet are kept in memory.
 */
export class BundleStore implements BundleSources {
  readonly found: FoundBundle;
  readonly #folder: string;
  readonly #node: string;
  readonly #floor: EpochFloor;
  readonly #stored = new Set<string>();
  #unstored: Map<string, Uint8Array> = new Map();
  readonly #damaged = new Set<string>();
  /** Digests that the files `bundle` and `bundle.previous` need. */
  #needed: { readonly current: ReadonlySet<string>; readonly previous: ReadonlySet<string> };
  #isCurrentGood: boolean;

  /** Reads the folder. Never throws: `found`, or a save, reports what can't be read or created. */
  constructor({ folder, node }: BundleStoreOptions) {
    this.#folder = folder;
    this.#node = node;
    const problems: string[] = [];
    try {
      mkdirSync(join(folder, "policies"), { recursive: true, mode: 0o700 });
    } catch (error) {
      problems.push(`${folder} cannot be made: ${reasonOf(error)}`);
    }
    this.#floor = openEpochFloor(join(folder, "epoch"));
    this.#readContents(problems);
    const current = this.#readBundle("bundle", problems);
    const previous = this.#readBundle("bundle.previous", current === undefined ? problems : []);
    this.#needed = { current: digestsOf(current), previous: digestsOf(previous) };
    this.#isCurrentGood = current !== undefined;
    const bundle = current ?? previous;
    const epoch = bundle?.state.epoch ?? 0;
    if (bundle !== undefined && epoch < this.#floor.value)
      problems.push(`the newest bundle has epoch ${epoch}, in force was ${this.#floor.value}`);
    this.found = { bundle, isNewest: epoch >= this.#floor.value, problems };
  }

  /** The highest epoch that was to be in force here. */
  get floor(): number {
    return this.#floor.value;
  }

  get digests(): readonly string[] {
    return [...this.#stored, ...this.#unstored.keys()];
  }

  has(digest: string): boolean {
    return this.#stored.has(digest) || this.#unstored.has(digest);
  }

  readonly content = (digest: string): Uint8Array | undefined => {
    const held = this.#unstored.get(digest);
    if (held !== undefined) return held;
    if (!this.#stored.has(digest)) return undefined;
    const bytes = this.#readContent(digest);
    if (bytes === undefined) this.#forgetDamaged(digest);
    return bytes;
  };

  readonly isDamaged = (digest: string): boolean => this.#damaged.has(digest);

  /**
   * Keeps in memory what this bundle needs and the disk lacks, until it is saved; drops what only earlier
   * ones needed. `contents` are by digest.
   */
  hold(bundle: Omit<StoredBundle, "node">, contents: ReadonlyMap<string, Uint8Array>): void {
    const before = this.#unstored;
    this.#unstored = new Map();
    for (const digest of digestsOf(bundle)) {
      const bytes = contents.get(digest) ?? before.get(digest);
      if (bytes === undefined || this.#stored.has(digest)) continue;
      this.#damaged.delete(digest);
      this.#unstored.set(digest, bytes);
    }
  }

  /**
   * From now on no bundle below this epoch counts as the newest, whether or not it can be saved. Rejects with
   * the system's error.
   */
  raiseFloor(epoch: number): Promise<void> {
    return this.#floor.raise(epoch);
  }

  /**
   * Makes this the bundle that the next start finds, contents first; the previous one stays beside it. If it
   * rejects, with the system's error, nothing has changed. Call it one at a time.
   */
  async save(bundle: Omit<StoredBundle, "node">): Promise<void> {
    await mkdir(join(this.#folder, "policies"), { recursive: true, mode: 0o700 });
    const needed = digestsOf(bundle);
    for (const [digest, bytes] of [...this.#unstored]) {
      if (!needed.has(digest)) continue;
      await writeDurably(this.#contentPath(digest), bytes);
      this.#stored.add(digest);
      this.#unstored.delete(digest);
    }
    if (this.#isCurrentGood) await this.#keepAsPrevious();
    const path = join(this.#folder, "bundle");
    await writeDurably(path, encodeBundle({ ...bundle, node: this.#node }));
    this.#needed = { ...this.#needed, current: needed };
    this.#isCurrentGood = true;
    await this.#deleteUnneeded();
  }

  /** By a hard link, so that `bundle` exists at every moment. */
  async #keepAsPrevious(): Promise<void> {
    const previous = join(this.#folder, "bundle.previous");
    await rm(`${previous}.new`, { force: true });
    await link(join(this.#folder, "bundle"), `${previous}.new`);
    await rename(`${previous}.new`, previous);
    this.#needed = { ...this.#needed, previous: this.#needed.current };
  }

  async #deleteUnneeded(): Promise<void> {
    const { current, previous } = this.#needed;
    const unneeded = (digest: string) => !current.has(digest) && !previous.has(digest);
    for (const digest of [...this.#stored].filter(unneeded).slice(0, deletedAtOnce)) {
      this.#stored.delete(digest);
      await rm(this.#contentPath(digest), { force: true });
    }
  }

  #readContents(problems: string[]): void {
    let names: readonly string[] = [];
    try {
      names = readdirSync(join(this.#folder, "policies"));
    } catch (error) {
      problems.push(`the policies cannot be listed: ${reasonOf(error)}`);
    }
    for (const name of names) {
      if (/^sha256:[0-9a-f]{64}$/.test(name)) this.#stored.add(name);
      // Left by a crash during a write.
      else rmSync(join(this.#folder, "policies", name), { force: true, recursive: true });
    }
  }

  #readBundle(name: string, problems: string[]): StoredBundle | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(this.#folder, name));
    } catch (error) {
      if (!isMissing(error)) problems.push(`${name} cannot be read: ${reasonOf(error)}`);
      return undefined;
    }
    const bundle = decodeBundle(bytes);
    if (bundle === undefined)
      problems.push(`${name} is damaged: its checksum is not that of its content`);
    else if (bundle.node === this.#node) return bundle;
    else problems.push(`${name} is of node "${bundle.node}", this is "${this.#node}"`);
    return undefined;
  }

  /** Undefined: it is unreadable or doesn't match its digest. */
  #readContent(digest: string): Uint8Array | undefined {
    try {
      const bytes = readFileSync(this.#contentPath(digest));
      return digestOf(bytes) === digest ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** The operator sends it again, and it is written again. */
  #forgetDamaged(digest: string): void {
    this.#stored.delete(digest);
    this.#damaged.add(digest);
  }

  #contentPath(digest: string): string {
    return join(this.#folder, "policies", digest);
  }
}

function digestsOf(
  bundle: Pick<StoredBundle, "state" | "standIns"> | undefined,
): ReadonlySet<string> {
  if (bundle === undefined) return new Set();
  const heads = [...bundle.state.policies.values(), ...bundle.standIns.values()];
  const sets = heads.flatMap((head) => head.sets ?? []).map(({ digest }) => digest);
  return new Set([...heads.map(({ digest }) => digest), ...sets.filter((one) => one !== "")]);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
