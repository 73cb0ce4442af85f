// SPDX-License-Identifier: Apache-2.0
import { type FileIdentity, type FoundFile, fileText, type NoFile } from "./file-identity.ts";

/**
 * The files at the paths that policies select by `identity: file`. Each is held for as long as tables may
 * name it, so that no other file gets its inode number.
 */
export interface HostFiles extends Disposable {
  /** Looks all of them up again. */
  lookUp(paths: Iterable<string>): Promise<void>;
  /** Looks up those that are not known yet. */
  lookUpNew(paths: Iterable<string>): Promise<void>;
  /** Undefined: no such file. */
  identity(path: string): FileIdentity | undefined;
  /** Tables that name these files have been made from the current findings. */
  linked(paths: ReadonlySet<string>): void;
  /** Whether one of them has changed since the tables were made. */
  isStale(paths: ReadonlySet<string>): boolean;
  /** Releases all others, and replaced files. Call it when no table names them any more. */
  keepOnly(paths: ReadonlySet<string>): void;
  /** The finding at the path, for display; undefined: it was not looked up. */
  finding(path: string): Finding | undefined;
}

export type Finding = {
  /** Undefined: there is no such file, and no filter matches by it. */
  readonly identity: FileIdentity | undefined;
  /** Why there is none, or why it could not be looked up again; otherwise empty. */
  readonly problem: string;
  /** When it was last looked up. */
  readonly at: Date;
};

export type FindFile = (path: string) => Promise<FoundFile | NoFile>;

type Known = { readonly finding: Finding; readonly file: FoundFile | undefined };

export function createHostFiles(find: FindFile): HostFiles {
  const known = new Map<string, Known>();
  const replaced: FoundFile[] = [];
  let inTables: ReadonlyMap<string, string> = new Map();

  const now = (path: string) => {
    const file = known.get(path)?.file;
    return file === undefined ? "" : fileText(file.identity);
  };
  const learn = async (path: string) => {
    const found = await find(path);
    const before = known.get(path)?.file;
    const at = new Date();
    if (!("identity" in found)) {
      // The held file is unchanged.
      const file = found.unanswered ? before : undefined;
      if (before !== undefined && file === undefined) replaced.push(before);
      known.set(path, { finding: { identity: file?.identity, problem: found.reason, at }, file });
      return;
    }
    const finding = { identity: found.identity, problem: "", at };
    if (before !== undefined && fileText(before.identity) === fileText(found.identity)) {
      found.release();
      known.set(path, { finding, file: before });
      return;
    }
    if (before !== undefined) replaced.push(before);
    known.set(path, { finding, file: found });
  };
  const lookUp = async (paths: Iterable<string>) => {
    await Promise.all([...new Set(paths)].map(learn));
  };
  const release = () => {
    for (const file of replaced.splice(0)) file.release();
  };
  return {
    lookUp,
    lookUpNew: (paths) => lookUp([...paths].filter((path) => !known.has(path))),
    identity: (path) => known.get(path)?.file?.identity,
    linked(paths) {
      inTables = new Map([...paths].map((path) => [path, now(path)]));
    },
    isStale: (paths) => [...paths].some((path) => inTables.get(path) !== now(path)),
    keepOnly(paths) {
      for (const [path, { file }] of known) {
        if (paths.has(path)) continue;
        if (file !== undefined) replaced.push(file);
        known.delete(path);
      }
      release();
    },
    finding: (path) => known.get(path)?.finding,
    [Symbol.dispose]() {
      for (const { file } of known.values()) if (file !== undefined) replaced.push(file);
      known.clear();
      release();
    },
  };
}
