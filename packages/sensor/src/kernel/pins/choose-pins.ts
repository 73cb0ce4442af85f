// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { buildsIn, type Pins, pinsIn } from "./pins.ts";
import { nothingSaved, readTablesLabel, type TablesLabel } from "./tables-label.ts";

/** The tables that a manifest describes. */
export type KnownTables = { readonly kernelId: string; readonly tables?: string };

export type ChosenPins = {
  /** For this sensor's own programs: an earlier sensor's folder, or a new one. */
  readonly own: Pins;
  readonly found: "nothing" | "same" | "other";
  /** All that they enforce is known: they are removed once it is in force in `own`. */
  readonly known: readonly Pins[];
  /** They enforce something unknown: they stay. */
  readonly unknown: readonly Pins[];
  /** Nothing is pinned there any more: a sensor died while it removed the last of it. */
  readonly empty: readonly Pins[];
  /** Of the same programs but unusable: they are replaced like those of another build. */
  readonly unusable: readonly Unusable[];
};

type Unusable = { readonly pins: string; readonly problem: string };

type ChooseOptions = {
  /** Of the programs. It names a build's first folder; a number is appended for further ones. */
  readonly digest: string;
  /** Why these programs can't use the pins; undefined: they can. */
  readonly problemOf: (pins: Pins) => string | undefined;
  /** The readable manifests. */
  readonly manifests: readonly KnownTables[];
};

/** With this many, a sensor that can't save anything stops creating a new folder at each start. */
const manyFolders = 4;

type Folder = {
  readonly pins: Pins;
  readonly isHooked: boolean;
  readonly isEmpty: boolean;
  readonly knowledge: "by number" | "by policy" | "none";
};

/** Chooses among what earlier sensors have left below `root`. Changes nothing. */
export function choosePins(
  root: string,
  { digest, problemOf, manifests }: ChooseOptions,
): ChosenPins {
  const folders = buildsIn(root).map((pins) => describe(pins, manifests));
  const same = folders
    .filter(({ pins }) => attemptOf(pins.name, digest) !== undefined)
    .map((folder) => ({ folder, problem: problemOf(folder.pins) }));
  const usable = same.flatMap(({ folder, problem }) => (problem === undefined ? [folder] : []));
  const own =
    usable.find(({ knowledge }) => knowledge === "by number") ??
    usable.find(({ isHooked }) => !isHooked) ??
    (folders.length < manyFolders
      ? undefined
      : usable.find(({ knowledge }) => knowledge === "by policy"));
  const rest = folders.filter((folder) => folder !== own);
  const others = rest.filter(({ isEmpty }) => !isEmpty);
  const isUnknown = ({ isHooked, knowledge }: Folder) => isHooked && knowledge === "none";
  const name = own?.pins.name ?? freeName(digest, folders);
  return {
    own: own?.pins ?? pinsIn(join(root, name)),
    found: own?.isEmpty === false ? "same" : others.length > 0 ? "other" : "nothing",
    known: others.filter((folder) => !isUnknown(folder)).map((folder) => folder.pins),
    unknown: others.filter(isUnknown).map((folder) => folder.pins),
    empty: rest.flatMap(({ pins, isEmpty }) => (isEmpty && pins.name !== name ? [pins] : [])),
    unusable: same.flatMap(({ folder, problem }) =>
      problem === undefined ? [] : [{ pins: folder.pins.folder, problem }],
    ),
  };
}

function describe(pins: Pins, manifests: readonly KnownTables[]): Folder {
  const links = pins.links();
  return {
    pins,
    isHooked: links.some((link) => link.startsWith("hook_")),
    isEmpty: links.length === 0 && pins.maps().length === 0,
    knowledge: knowledgeOf(readTablesLabel(pins.folder), manifestsOf(pins.name, manifests)),
  };
}

/** `by number`: a manifest describes these very tables. `by policy`: it has all policies to put in force. */
function knowledgeOf({ tables, saved }: TablesLabel, names: readonly string[]) {
  if (names.includes(tables)) return "by number";
  if (saved === nothingSaved || (saved !== "" && names.includes(saved))) return "by policy";
  return "none";
}

function manifestsOf(name: string, manifests: readonly KnownTables[]): readonly string[] {
  return manifests.filter(({ kernelId }) => kernelId === name).map(({ tables = "" }) => tables);
}

/** `DIGEST`, or `DIGEST-1` and so on if that can't be used. Undefined: other programs. */
function attemptOf(name: string, digest: string): number | undefined {
  if (name === digest) return 0;
  const [, attempt] = /^-(\d{1,9})$/.exec(name.slice(digest.length)) ?? [];
  return name.startsWith(digest) && attempt !== undefined ? Number(attempt) : undefined;
}

function freeName(digest: string, folders: readonly Folder[]): string {
  const taken = new Set(folders.filter(({ isEmpty }) => !isEmpty).map(({ pins }) => pins.name));
  let name = digest;
  for (let attempt = 1; taken.has(name); attempt++) name = `${digest}-${attempt}`;
  return name;
}
