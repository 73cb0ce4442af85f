// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Side } from "../kernel/table-writer.ts";
import type { Followed } from "./follow-bits.ts";
import type { HitSnapshot } from "./hit-counter.ts";
import type { InstalledPolicy } from "./installed-policy.ts";
import type { PastCountsSnapshot } from "./past-counts.ts";
import type { RuleInfo } from "./rule-info.ts";
import type { SetContent } from "./set-interner.ts";

/** What the next sensor needs to make sense of what it finds in the kernel. Plain data. */
export type Manifest = {
  /** Which programs and tables it is about. */
  readonly kernelId: string;
  /** Where the tables of these policies are. Another side is active: the sensor died just before. */
  readonly side: Side;
  readonly nextPolicyId: number;
  readonly policies: readonly InstalledPolicy[];
  readonly rules: readonly RuleInfo[];
  readonly hits: HitSnapshot;
  readonly sets: readonly (readonly [number, SetContent])[];
  readonly follow: readonly (readonly [number, Followed])[];
  /** By number of a group: UIDs of the operator's policies that are in it. */
  readonly groups: readonly (readonly [number, readonly string[]])[];
  readonly past: PastCountsSnapshot;
};

export interface ManifestFile {
  /** Undefined: there is none. `corrupt`: there is one that can't be used. */
  load(): Manifest | "corrupt" | undefined;
  save(manifest: Manifest): void;
  remove(): void;
}

const format = 1;

/** Written anew and renamed into place, so that a reader finds the old one or the new one. */
export function createManifestFile(path: string): ManifestFile {
  return {
    load() {
      const text = readIfThere(path);
      if (text === undefined) return undefined;
      const newline = text.indexOf("\n");
      const body = text.slice(newline + 1);
      if (text.slice(0, newline) !== header(body)) return "corrupt";
      return JSON.parse(body, reviveBigint) as Manifest;
    },
    save(manifest) {
      const body = JSON.stringify(manifest, replaceBigint);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(`${path}.new`, `${header(body)}\n${body}`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
    remove: () => rmSync(path, { force: true }),
  };
}

/** Vouches for the body: what it says was written by this code, and to the end. */
function header(body: string): string {
  return `gander-manifest ${format} ${createHash("sha256").update(body).digest("hex")}`;
}

function replaceBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? { $bigint: value.toString() } : value;
}

function reviveBigint(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$bigint" in value)) return value;
  return BigInt(String(value.$bigint));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
