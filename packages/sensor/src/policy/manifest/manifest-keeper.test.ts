// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogger } from "@gander/base";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nothingSaved, readTablesLabel, writeTablesLabel } from "../../kernel/pins/tables-label.ts";
import { createManifestFile } from "./manifest.ts";
import {
  createManifestKeeper,
  type ManifestBody,
  type ManifestKeeper,
  type ManifestKeeperOptions,
  NotKeptError,
} from "./manifest-keeper.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keeper-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, "manifest");
const kernel = {
  tablesLabel: () => readTablesLabel(folder),
  labelTables: (label: { tables: string; saved: string }) => writeTablesLabel(folder, label),
};
const logger = createLogger({ write: () => {} });

const keeperWith = (options: Partial<ManifestKeeperOptions> = {}): ManifestKeeper =>
  createManifestKeeper(
    { file: createManifestFile(path()), kernel, logger },
    { isNewestOfUse: false, ...options },
  );

/** `nextPolicyId` tells bodies apart. */
const body = (nextPolicyId: number): ManifestBody => ({
  ...{ kernelId: "k", side: 0, nextPolicyId, policies: [], rules: [], sets: [], follow: [] },
  ...{ groups: [], hits: { totals: [], counting: [] }, past: { since: 0, totals: [] } },
  unevaluated: { totals: [], counting: [] } as never,
  misses: [] as never,
});

/** What a sensor that starts now finds of the tables in force. */
function found(): number | "all comes again" | "unknown" {
  const { tables, saved } = readTablesLabel(folder);
  const { manifests } = createManifestFile(path()).load();
  const exact = manifests.find((manifest) => manifest.tables === tables);
  if (exact !== undefined) return exact.nextPolicyId;
  if (saved === nothingSaved) return "all comes again";
  return manifests.find((manifest) => manifest.tables === saved)?.nextPolicyId ?? "unknown";
}

const breakDisk = () => symlinkSync("/dev/full", `${path()}.new`);
const mendDisk = () => rmSync(`${path()}.new`, { force: true });

describe("createManifestKeeper", () => {
  it("has what is in force on disk at each step, whatever becomes of the newest file", () => {
    using keeper = keeperWith();
    for (let i = 1; i < 4; i++) {
      const label = keeper.prepare(body(i), { mustKeep: true });
      // Died before the switch: the tables before are in force.
      if (i > 1) expect(found()).toBe(i - 1);
      label();
      expect(found()).toBe(i);
      keeper.update(body(i));
      expect(found()).toBe(i);
      const newest = readFileSync(path());
      writeFileSync(path(), newest.subarray(1));
      expect(found()).toBe(i);
      writeFileSync(path(), newest);
    }
  });

  it("refuses what must be kept and cannot be, and has what was before", () => {
    using keeper = keeperWith();
    keeper.prepare(body(1), { mustKeep: true })();
    keeper.update(body(1));
    breakDisk();
    expect(() => keeper.prepare(body(2), { mustKeep: true })).toThrow(NotKeptError);
    expect(keeper.problem).toMatch(/ENOSPC/);
    expect(found()).toBe(1);
    mendDisk();
    keeper.prepare(body(3), { mustKeep: true })();
    expect(keeper.problem).toBe("");
    expect(found()).toBe(3);
  });

  it("takes what comes again by itself, says what is on disk, and tries again", async () => {
    using keeper = keeperWith({ retryMs: 20 });
    keeper.prepare(body(1), { mustKeep: true })();
    keeper.update(body(1));
    breakDisk();
    keeper.prepare(body(2), { mustKeep: false })();
    breakDisk();
    keeper.update(body(2));
    expect(found()).toBe(1);
    expect(readTablesLabel(folder).tables).not.toBe(readTablesLabel(folder).saved);
    mendDisk();
    await sleep(60);
    expect(keeper.problem).toBe("");
    expect(found()).toBe(2);
  });

  it("never removes the manifest in use for one that was not switched to", () => {
    using keeper = keeperWith();
    keeper.prepare(body(1), { mustKeep: true })();
    for (let i = 2; i < 6; i++) {
      keeper.prepare(body(i), { mustKeep: true });
      expect(found()).toBe(1);
    }
  });

  it("writes where the folder is made again, or was taken away meanwhile", () => {
    using keeper = keeperWith();
    keeper.prepare(body(1), { mustKeep: true })();
    rmSync(path());
    keeper.prepare(body(2), { mustKeep: true })();
    expect(found()).toBe(2);
  });

  it("keeps an earlier sensor's manifest until its policies are in force here", () => {
    mkdirSync(join(folder, "x"));
    createManifestFile(path()).save({ ...body(7), kernelId: "other", tables: "theirs" }, "replace");
    let isHeld = true;
    using keeper = keeperWith({ isNewestOfUse: true, isHeld: () => isHeld });
    for (let i = 1; i < 4; i++) {
      keeper.prepare(body(i), { mustKeep: false })();
      keeper.update(body(i));
      const { manifests } = createManifestFile(path()).load();
      expect(manifests.map(({ nextPolicyId }) => nextPolicyId)).toEqual([i, 7]);
      expect(readTablesLabel(folder).saved).toBe(nothingSaved);
    }
    isHeld = false;
    keeper.update(body(4));
    expect(found()).toBe(4);
    expect(readTablesLabel(folder).saved).toBe(readTablesLabel(folder).tables);
    // Until this is on disk a crash may leave the other's tables as they were.
    const numbers = () =>
      createManifestFile(path())
        .load()
        .manifests.map((one) => one.nextPolicyId);
    expect(numbers()).toEqual([4, 7]);
    keeper.update(body(5));
    expect(numbers()).toEqual([5, 4]);
  });
});
