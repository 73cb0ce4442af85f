// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { choosePins, type KnownTables } from "./choose-pins.ts";
import type { Pins } from "./pins.ts";
import { nothingSaved, readTablesLabel, writeTablesLabel } from "./tables-label.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pins-"));
});
afterEach(() => rmSync(root, { recursive: true }));

type Folder = { readonly links?: readonly string[]; readonly label?: readonly [string, string] };

const hooked = ["process__exec", "hook_1_lsm:file_permission"];

function choose(
  folders: Readonly<Record<string, Folder>>,
  manifests: readonly KnownTables[] = [],
  broken: readonly string[] = [],
) {
  for (const [name, { links = hooked, label }] of Object.entries(folders)) {
    for (const part of ["links", "maps"]) mkdirSync(join(root, name, part), { recursive: true });
    for (const link of links) writeFileSync(join(root, name, "links", link), "");
    if (label !== undefined)
      writeTablesLabel(join(root, name), { tables: label[0], saved: label[1] });
  }
  const problemOf = ({ name }: Pins) => (broken.includes(name) ? "broken" : undefined);
  const chosen = choosePins(root, { digest: "b1", problemOf, manifests });
  const names = (pins: readonly Pins[]) => pins.map(({ name }) => name);
  return {
    own: chosen.own.name,
    found: chosen.found,
    known: names(chosen.known),
    unknown: names(chosen.unknown),
    ...(chosen.empty.length > 0 && { empty: names(chosen.empty) }),
  };
}

describe("choosePins", () => {
  it("takes a folder of its own where there is none", () => {
    symlinkSync("1 2", join(root, "lock"));
    expect(choose({})).toEqual({ own: "b1", found: "nothing", known: [], unknown: [] });
  });

  it("goes on with the tables that a manifest names", () => {
    const manifests = [
      { kernelId: "b1", tables: "later" },
      { kernelId: "b1", tables: "these" },
    ];
    expect(choose({ b1: { label: ["these", "these"] } }, manifests)).toEqual({
      own: "b1",
      found: "same",
      known: [],
      unknown: [],
    });
  });

  it.each<[string, readonly KnownTables[]]>([
    ["no manifest", []],
    ["one of other tables", [{ kernelId: "b1", tables: "those" }]],
    ["one of another folder", [{ kernelId: "b2", tables: "these" }]],
    ["one of an older sensor", [{ kernelId: "b1" }]],
  ])("leaves tables as they are of which nothing tells: %s", (_, manifests) => {
    expect(choose({ b1: { label: ["these", "these"] } }, manifests)).toEqual({
      own: "b1-1",
      found: "other",
      known: [],
      unknown: ["b1"],
    });
  });

  it("replaces tables of which all comes again", () => {
    const known = { own: "b1-1", found: "other", known: ["b1"], unknown: [] };
    expect(choose({ b1: { label: ["these", nothingSaved] } })).toEqual(known);
    expect(
      choose({ b1: { label: ["these", "before"] } }, [{ kernelId: "b1", tables: "before" }]),
    ).toEqual(known);
  });

  it("replaces another build, with or without names of tables", () => {
    const manifests = [{ kernelId: "b2", tables: "x" }, { kernelId: "b3" }];
    expect(choose({ b2: { label: ["x", "x"] }, b3: {}, b4: {} }, manifests)).toEqual({
      own: "b1",
      found: "other",
      known: ["b2", "b3"],
      unknown: ["b4"],
    });
  });

  it("goes on where nothing is hooked, and not where a map is lost", () => {
    const begun = { links: ["process__exec"] };
    expect(choose({ b1: begun })).toMatchObject({ own: "b1", found: "same" });
    expect(choose({ b1: begun }, [], ["b1"])).toMatchObject({ own: "b1-1", known: ["b1"] });
  });

  it("replaces known tables with a lost map", () => {
    const manifests = [{ kernelId: "b1", tables: "these" }];
    expect(choose({ b1: { label: ["these", "these"] } }, manifests, ["b1"])).toMatchObject({
      own: "b1-1",
      known: ["b1"],
    });
  });

  it("tells of folders with nothing left in them, whoever had them", () => {
    const empty = { links: [] };
    expect(choose({ b1: empty, "b1-1": empty, b2: { ...empty, label: ["x", "x"] } })).toEqual({
      ...{ own: "b1", found: "nothing", known: [], unknown: [] },
      empty: ["b1-1", "b2"],
    });
  });

  it("does not make one folder more at each start", () => {
    const label = ["these", nothingSaved] as const;
    const many = { b1: { label }, "b1-1": { label }, "b1-2": { label }, "b1-3": { label } };
    expect(choose(many)).toMatchObject({ own: "b1", known: ["b1-1", "b1-2", "b1-3"] });
  });
});

describe("a label of tables", () => {
  it("is nothing, then what was written last", () => {
    expect(readTablesLabel(root)).toEqual({ tables: "", saved: "" });
    writeTablesLabel(root, { tables: "a", saved: nothingSaved });
    // A crash has left its beginning.
    symlinkSync("x:y", join(root, "tables-new"));
    writeTablesLabel(root, { tables: "b", saved: "a" });
    expect(readTablesLabel(root)).toEqual({ tables: "b", saved: "a" });
  });
});
