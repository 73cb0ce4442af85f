// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { basename, join } from "node:path";
import { BpfLink, unpin } from "@gander/libbpf";
import { removeTablesLabel } from "./tables-label.ts";

/** Where the maps, links and programs of one build are pinned. */
export type Pins = {
  /** The folder of this build, below the sensor's folder. */
  readonly folder: string;
  /** The folder's name; no other build has it. */
  readonly name: string;
  map(name: string): string;
  link(name: string): string;
  /** The pin of the program that a pinned link has attached. */
  program(link: string): string;
  /** Names of pinned links, sorted. */
  links(): string[];
  maps(): string[];
  /** Names of the links whose programs are pinned. */
  programs(): string[];
};

/** Programs are pinned among the maps: sensors from before they were pinned clear that folder, too. */
const programPrefix = "program_";

export function pinsIn(folder: string): Pins {
  return {
    folder,
    name: basename(folder),
    map: (name) => join(folder, "maps", name),
    link: (name) => join(folder, "links", name),
    program: (link) => join(folder, "maps", `${programPrefix}${link}`),
    links: () => entries(join(folder, "links")),
    maps: () => entries(join(folder, "maps")).filter((name) => !name.startsWith(programPrefix)),
    programs: () =>
      entries(join(folder, "maps"))
        .filter((name) => name.startsWith(programPrefix))
        .map((name) => name.slice(programPrefix.length)),
  };
}

/** Creates the folders. */
export function createPinFolders(pins: Pins): void {
  for (const name of ["maps", "links"])
    mkdirSync(join(pins.folder, name), { recursive: true, mode: 0o700 });
}

/** All builds with pins in the sensor's folder. */
export function buildsIn(root: string): Pins[] {
  return folders(root).map((name) => pinsIn(join(root, name)));
}

/** Removes everything of every build. No sensor must run. */
export async function removeBuilds(root: string): Promise<void> {
  for (const pins of buildsIn(root)) await removePins(pins);
}

/** Removes everything: detaches off the main thread, because the kernel takes its time. */
export async function removePins(pins: Pins): Promise<void> {
  for (const name of pins.links()) await removeLink(pins.link(name));
  for (const name of pins.programs()) unpin(pins.program(name));
  for (const name of pins.maps()) unpin(pins.map(name));
  removeTablesLabel(pins.folder);
  for (const folder of [join(pins.folder, "maps"), join(pins.folder, "links"), pins.folder])
    removeFolder(folder);
}

async function removeLink(path: string): Promise<void> {
  const link = openLink(path);
  unpin(path);
  await link?.closeAsync();
}

/** Undefined: the pin there is not a link. */
function openLink(path: string): BpfLink | undefined {
  try {
    return BpfLink.fromPin(path);
  } catch {
    return undefined;
  }
}

/** Names in a bpf file system contain no dots and no slashes. */
export function pinName(text: string): string {
  return text.replace(/[^\w:-]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

export function fromPinName(name: string): string {
  return name.replace(/%([0-9a-f]{2})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function folders(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function removeFolder(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
