// SPDX-License-Identifier: Apache-2.0
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "@gander/policy/content";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BundleStore } from "./bundle-store.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-store-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (node = "a") => new BundleStore({ folder, node });

/** A bundle with one policy of each content. */
function bundle(epoch: number, ...contents: readonly string[]) {
  const heads = contents.map((content, i) => ({
    ...{ uid: `u${i}`, generation: epoch, name: `p${i}`, namespace: "", mode: "" },
    digest: digestOf(content),
  }));
  const pod = {
    uid: "pod",
    namespace: "n",
    name: "p",
    labels: { app: "x" },
    policies: ["u0"],
  };
  return {
    state: {
      ...{ epoch, digest: digestOf(`state ${epoch}`) },
      policies: new Map(heads.map((head) => [head.uid, head])),
      pods: new Map([["pod", pod]]),
      nodeLabels: { zone: "a" },
    },
    standIns: new Map(),
    absent: new Set<string>(),
  };
}

async function save(store: BundleStore, epoch: number, ...contents: readonly string[]) {
  const one = bundle(epoch, ...contents);
  store.hold(one, new Map(contents.map((text) => [digestOf(text), Buffer.from(text)])));
  await store.raiseFloor(epoch);
  await store.save(one);
  return one;
}

describe("a stored bundle", () => {
  it("is found as it was, with its contents", async () => {
    const saved = await save(open(), 5, "x", "y");
    const store = open();
    expect(store.found).toMatchObject({ isNewest: true, problems: [] });
    expect(store.found.bundle).toEqual({ node: "a", ...saved });
    expect(store.content(digestOf("x"))?.toString()).toBe("x");
    expect([...store.digests].sort()).toEqual([digestOf("x"), digestOf("y")].sort());
  });

  it("that was never there is no problem", () => {
    expect(open().found).toEqual({ bundle: undefined, isNewest: true, problems: [] });
  });

  it.each<readonly [string, (path: string) => void]>([
    ["cut off", (path) => truncateSync(path, 200)],
    ["empty", (path) => writeFileSync(path, "")],
    [
      "changed in one letter",
      (path) => writeFileSync(path, readFileSync(path, "utf8").replace('"epoch":6', '"epoch":7')),
    ],
  ])("that is %s is refused, and the one before is there", async (_, damage) => {
    const store = open();
    await save(store, 5, "x");
    await save(store, 6, "y");
    damage(join(folder, "bundle"));
    const { found } = open();
    expect(found.bundle?.state.epoch).toBe(5);
    expect(found.isNewest).toBe(false);
    expect(found.problems).toHaveLength(2);
    expect(open().content(digestOf("x"))).toBeDefined();
  });

  it("that is damaged doesn't take the place of the good one before", async () => {
    const store = open();
    await save(store, 5, "x");
    await save(store, 6, "y");
    writeFileSync(join(folder, "bundle"), "damaged");
    await save(open(), 7, "z");
    writeFileSync(join(folder, "bundle"), "damaged again");
    expect(open().found.bundle?.state.epoch).toBe(5);
  });

  it("of another node is refused", async () => {
    await save(open(), 5, "x");
    expect(open("b").found).toMatchObject({ bundle: undefined, problems: [expect.anything()] });
  });

  it("that is older than what was in force isn't the newest, however it came there", async () => {
    const store = open();
    await save(store, 5, "x");
    const old = readFileSync(join(folder, "bundle"));
    await save(store, 6, "x");
    writeFileSync(join(folder, "bundle"), old);
    expect(open().found).toMatchObject({ isNewest: false, bundle: { state: { epoch: 5 } } });
    expect(open().floor).toBe(6);
  });

  it("keeps the contents of itself and the one before, and no others", async () => {
    const store = open();
    for (const [epoch, content] of ["v", "w", "x", "y"].entries())
      await save(store, epoch + 1, content);
    expect(readdirSync(join(folder, "policies")).sort()).toEqual(
      [digestOf("x"), digestOf("y")].sort(),
    );
    expect(store.has(digestOf("v"))).toBe(false);
  });

  it("isn't disturbed by what a crash leaves", async () => {
    await save(open(), 5, "x");
    writeFileSync(join(folder, "policies", `${digestOf("z")}.new`), "half");
    writeFileSync(join(folder, "bundle.new"), "half");
    const store = open();
    expect(store.found).toMatchObject({ isNewest: true, problems: [] });
    expect(store.digests).toEqual([digestOf("x")]);
  });
});

it("a content that isn't what its name says is given up, and written again when it comes", async () => {
  await save(open(), 5, "x");
  writeFileSync(join(folder, "policies", digestOf("x")), "y");
  const store = open();
  expect(store.content(digestOf("x"))).toBeUndefined();
  expect([store.isDamaged(digestOf("x")), store.has(digestOf("x"))]).toEqual([true, false]);
  await save(store, 6, "x");
  expect(open().content(digestOf("x"))?.toString()).toBe("x");
});

it("a folder that can't be made is a problem and no end", async () => {
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "a file");
  const store = open();
  expect(store.found.problems[0]).toContain("cannot be made");
  await expect(save(store, 5, "x")).rejects.toThrow();
  // Held in memory until it can be written.
  expect(store.content(digestOf("x"))?.toString()).toBe("x");
});
