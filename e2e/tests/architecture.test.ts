// SPDX-License-Identifier: Apache-2.0
// ARCHITECTURE.md says which folder may import which. Here it is held against the code.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const rooms = "packages/sensor/src/";
const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
const files = globSync("packages/*/src/**/*.ts", { cwd: root }).filter(
  (file) => !/test\.ts$|\/test/.test(file.replace(/^packages\/[^/]+\/src/, "")),
);
const edges = files.flatMap((file) => importsOf(file).map((target) => ({ file, target })));

test("each folder imports what the table allows it, and nothing else", () => {
  const allowed = readTable();
  const found = new Map([...allowed.keys()].map((folder) => [folder, new Set<string>()]));
  const forbidden: string[] = [];
  for (const { file, target } of edges) {
    const [from, to] = [folderOf(file), folderOf(target)];
    if (from === to || !to.startsWith("packages/")) continue;
    found.get(from)?.add(to);
    const row = allowed.get(from);
    if (row === undefined) forbidden.push(`${file}: ${from} is not in the table`);
    else if (row !== "all rooms" && !row.has(to)) forbidden.push(`${file} imports ${target}`);
  }
  expect(forbidden).toEqual([]);
  const unused = [...allowed].flatMap(([folder, row]) =>
    row === "all rooms"
      ? []
      : [...row].filter((to) => !found.get(folder)?.has(to)).map((to) => `${folder}: ${to}`),
  );
  expect(unused, "allowed, but not needed").toEqual([]);
});

test("the files that decide are where the table says", () => {
  const section = page.split("## Where is it decided?")[1]?.split("\n#")[0] ?? "";
  const named = [...section.matchAll(/`([^`]+)` \|/g)].map(([, file = ""]) => file);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});

test("no file imports itself by way of others", () => {
  const targets = new Map(files.map((file) => [file, [] as string[]]));
  for (const { file, target } of edges) if (targets.has(target)) targets.get(file)?.push(target);
  expect(findCircle(targets)).toEqual([]);
});

test("rooms without I/O open no file and no socket", () => {
  const pure = [...page.matchAll(/^\| `([a-z-]+\/)` \|.*\| no I\/O \|$/gm)].map(([, room]) => room);
  expect(pure).toEqual(["link/", "plan/", "reference/"]);
  for (const { file, target } of edges)
    if (pure.some((room) => file.startsWith(`${rooms}${room}`)))
      expect(target, file).not.toMatch(/^node:(?!os$)|^@grpc/);
});

test("packages/policy and packages/btf do no I/O and look at no clock", () => {
  const pure = files.filter((file) => /^packages\/(policy|btf)\//.test(file));
  // node:net is there for isIP, which is text only, and node:os for the names of its constants.
  for (const { file, target } of edges)
    if (pure.includes(file))
      expect(target, file).not.toMatch(/^node:(?!crypto$|net$|os$|util$)|^@grpc/);
  for (const file of pure)
    expect(readFileSync(join(root, file), "utf8"), file).not.toMatch(
      /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bsetTimeout\(/,
    );
});

test.each(["From YAML to a row", "From a watch event to tables in force"])(
  "%s: 40 files at most, each joined to one before it",
  (title) => {
    const section = page.split(`### ${title}\n`)[1]?.split("\n#")[0] ?? "";
    const walk = [...section.matchAll(/^\d+\. `(.+)`$/gm)].map(([, file = ""]) => file);
    expect(walk.length).toBeGreaterThan(10);
    expect(walk.length).toBeLessThanOrEqual(40);
    expect(walk.filter((file) => !files.includes(file))).toEqual([]);
    const reach = new Map(walk.map((file) => [file, reachOf(file)]));
    const loose = walk.filter((file, at) => {
      const before = walk.slice(0, at);
      const isJoined = (one: string) => reach.get(one)?.has(file) || reach.get(file)?.has(one);
      return at > 0 && !before.some(isJoined);
    });
    expect(loose).toEqual([]);
  },
);

test("the shapes of a policy are types of the files that the table names, seven at most", () => {
  const section = page.split("### Shapes\n")[1]?.split("\n#")[0] ?? "";
  const rows = [...section.matchAll(/^\| `(\w+)` \|.*\| `(.+)` \|$/gm)];
  const missing = rows.filter(([, name = "", file = ""]) => {
    const text = readFileSync(join(root, file), "utf8");
    return !new RegExp(`^export type ${name}\\b`, "m").test(text);
  });
  expect(missing).toEqual([]);
  expect(rows.map(([, name]) => name)).toContain("CompiledPolicy");
  expect(rows.length).toBeLessThanOrEqual(7);
  // Numbers are added to a planned rule; none of its fields is written again.
  const planned = readFileSync(join(root, `${rooms}link/planned-rule.ts`), "utf8");
  const [installed = ""] = /export type InstalledRule = \{[^}]*\}/.exec(planned) ?? [];
  expect([...installed.matchAll(/^ {2}readonly (\w+):/gm)].map(([, field]) => field)).toEqual([
    "id",
    "hookId",
    "planned",
    "counters",
  ]);
});

/** What a file imports, and what index files among that export. */
function reachOf(file: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const add = (from: string) => {
    for (const edge of edges) {
      if (edge.file !== from) continue;
      const target = entryOf(edge.target);
      if (reached.has(target)) continue;
      reached.add(target);
      if (target.endsWith("/index.ts")) add(target);
    }
  };
  add(file);
  return reached;
}

/** `packages/proto/stream` -> `packages/proto/src/stream/index.ts`; files as they are. */
function entryOf(target: string): string {
  const [, name, entry] = /^packages\/([^/]+)(\/[^/]+)?$/.exec(target) ?? [];
  return name === undefined ? target : `packages/${name}/src${entry ?? ""}/index.ts`;
}

/** By folder: those it may import, of packages and of rooms of the sensor. */
function readTable(): ReadonlyMap<string, ReadonlySet<string> | "all rooms"> {
  const section = page.split("### Who may import whom")[1]?.split("\n#")[0] ?? "";
  const rows = [...section.matchAll(/^\| `(packages\/[^`]+)` \|(.*)\|$/gm)];
  return new Map(
    rows.map(([, folder = "", cell = ""]) => [
      folder,
      cell.includes("all rooms")
        ? "all rooms"
        : new Set(
            [...cell.matchAll(/`([^`/]+)(\/?)`/g)].map(([, name, isRoom]) =>
              isRoom === "/" ? `${rooms}${name}` : `packages/${name}`,
            ),
          ),
    ]),
  );
}

function folderOf(path: string): string {
  if (path.startsWith(rooms)) return `${rooms}${path.slice(rooms.length).split("/")[0]}`;
  return path.split("/").slice(0, 2).join("/");
}

/** Files of this repository by path, others as they are named; types count. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const found = text.matchAll(
    /^(?:import|export)\s(?:[^;"']*?\sfrom\s)?"([^"]+)";|import\("([^"]+)"\)/gm,
  );
  return [...found].map(([, still, late]) => {
    const name = still ?? late ?? "";
    if (name.startsWith(".")) return join(dirname(file), name);
    return name.replace(/^@gander\//, "packages/");
  });
}

/** The files of one circle, the first one again at its end; empty: there is none. */
function findCircle(targets: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    done.add(file);
    path.push(file);
    for (const target of targets.get(file) ?? []) {
      const circle = visit(target);
      if (circle.length > 0) return circle;
    }
    path.pop();
    return [];
  };
  for (const file of targets.keys()) {
    const circle = visit(file);
    if (circle.length > 0) return circle;
  }
  return [];
}
