// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { keepSecondName, syncFolder, writeSynced } from "../../host/synced-files.ts";
import type { Side } from "../../kernel/tables/sided-memory.ts";
import type { Followed } from "../../link/follow-bits.ts";
import type { RuleInfo } from "../../link/rule-info.ts";
import type { SetContent } from "../../link/set-interner.ts";
import type { HitSnapshot } from "../counts/hit-counter.ts";
import type { MissSnapshot } from "../counts/miss-counter.ts";
import type { PastCountsSnapshot } from "../counts/past-counts.ts";
import type { InstalledPolicy } from "../installed-policy.ts";
import { manifestText, readManifestText } from "./manifest-text.ts";

/** What the next sensor needs to interpret the state it finds in the kernel. Plain data. */
export type Manifest = {
  /** The folder of pins that it describes. */
  readonly kernelId: string;
  /** The name of the tables that it describes; older sensors gave them none. */
  readonly tables?: string;
  /** The side with these policies. If another side is active, the sensor died just before the switch. */
  readonly side: Side;
  readonly nextPolicyId: number;
  readonly policies: readonly InstalledPolicy[];
  readonly rules: readonly RuleInfo[];
  readonly hits: HitSnapshot;
  readonly unevaluated: HitSnapshot;
  readonly misses: MissSnapshot;
  readonly sets: readonly (readonly [number, SetContent])[];
  readonly follow: readonly (readonly [number, Followed])[];
  /** By group number: its content (policy/group-content.ts). */
  readonly groups: readonly (readonly [number, readonly string[]])[];
  readonly past: PastCountsSnapshot;
};

export type FoundManifests = {
  /** All readable manifests, the newest first. */
  readonly manifests: readonly Manifest[];
  /** What can't be read and why, for users. */
  readonly problems: readonly string[];
};

export const noManifests: FoundManifests = { manifests: [], problems: [] };

export type ManifestFile = {
  /** The newest manifest and the previous one, as far as they can be read. Never throws. */
  load(): FoundManifests;
  /**
   * When it returns, the manifest is on disk. `newest` decides whether the newest manifest so far is kept
   * beside this one or overwritten. Throws the system's error; at least one of the manifests worth keeping is
   * then still on disk.
   */
  save(manifest: Manifest, newest: "keep" | "replace"): void;
  remove(): void;
};

const format = 1;

/** The newest manifest is at `path`, the previous one at `PATH.previous`. */
export function createManifestFile(path: string): ManifestFile {
  const previous = `${path}.previous`;
  return {
    load() {
      const found = [path, previous].map(readManifest);
      return {
        manifests: found.flatMap(({ manifest }) => manifest ?? []),
        problems: found.flatMap(({ problem }) => problem ?? []),
      };
    },
    save(manifest, newest) {
      const body = manifestText(manifest);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeSynced(path, `${header(body)}\n${body}`, () => {
        if (newest === "keep") keepSecondName(path, previous);
      });
      syncFolder(dirname(path));
    },
    remove() {
      for (const one of [previous, path]) rmSync(one, { force: true });
    },
  };
}

function readManifest(path: string): { manifest?: Manifest; problem?: string } {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    return { problem: error instanceof Error ? error.message : String(error) };
  }
  const newline = text.indexOf("\n");
  const body = text.slice(newline + 1);
  if (newline < 0 || text.slice(0, newline) !== header(body))
    return { problem: `${path} is damaged: its checksum is not that of its content` };
  return { manifest: readManifestText(body) as Manifest };
}

/** Proves that this code wrote the body, and wrote it completely. */
function header(body: string): string {
  return `gander-manifest ${format} ${createHash("sha256").update(body).digest("hex")}`;
}
