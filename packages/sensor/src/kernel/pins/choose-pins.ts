// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { buildsIn, type Pins, pinsIn } from "./pins.ts";
import { nothingSaved, readTablesLabel, type TablesLabel } from "./tables-label.ts";

/** What a manifest says it is about. */
export type KnownTables = { readonly kernelId: string; readonly tables?: string };

export type ChosenPins = {
  /** For this sensor's own programs: an earlier sensor's, or a folder that isn't there yet. */
  readonly own: Pins;
  readonly found: "nothing" | "same" | "other";
  /** All that they enforce is known: they go when it is in force in `own`. */
  readonly known: readonly Pins[];
  /** They enforce something and nobody can say what: they stay. */
  readonly unknown: readonly Pins[];
  /** Nothing is pinned there any more: a sensor died while it took the last of it away. */
  readonly empty: readonly Pins[];
  /** Of the same programs, and yet no use: they are replaced like those of another build. */
  readonly unusable: readonly Unusable[];
};

export type Unusable = { readonly pins: string; readonly problem: string };

export type ChooseOptions = {
  /** Of the programs. The first folder of a build has it as its name, others have a number behind it. */
  readonly digest: string;
  /** Why what is pinned can't be used by these programs; undefined: it can. */
  readonly problemOf: (pins: Pins) => string | undefined;
  /** The manifests that can be read. */
  readonly manifests: readonly KnownTables[];
};

/** Beyond this a sensor that can't save anything stops making a folder for itself at each start. */
const manyFolders = 4;

type Folder = {
  readonly pins: Pins;
  readonly isHooked: boolean;
  readonly isEmpty: boolean;
  readonly knowledge: "by number" | "by policy" | "none";
};

/** Decides between what earlier sensors have left below `root`. Changes nothing. */
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

/** `by number`: the manifest tells of these very tables. `by policy`: of all that has to be in force. */
function knowledgeOf({ tables, saved }: TablesLabel, names: readonly string[]) {
  if (names.includes(tables)) return "by number";
  if (saved === nothingSaved || (saved !== "" && names.includes(saved))) return "by policy";
  return "none";
}

function manifestsOf(name: string, manifests: readonly KnownTables[]): readonly string[] {
  return manifests.filter(({ kernelId }) => kernelId === name).map(({ tables = "" }) => tables);
}

/** `DIGEST`, and where that can't be used `DIGEST-1` and so on. Undefined: other programs. */
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
