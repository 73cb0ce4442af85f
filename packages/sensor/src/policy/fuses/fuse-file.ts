// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { syncFolder, writeSynced } from "../../host/synced-files.ts";

/** A fuse that has blown, and that nobody has armed again. */
export type BlownFuse = {
  /** Its text: another fuse of the policy would be armed. */
  readonly fuse: string;
  /** ISO 8601 */
  readonly at: string;
  /** The re-arming that the policy named then; a later one differs. */
  readonly rearmed: string;
};

export type FuseFile = {
  /** By `keyText` of the policy. What can't be read is reported and ignored: the policies enforce. */
  load(): { readonly blown: ReadonlyMap<string, BlownFuse>; readonly problem: string };
  /** On disk when it returns. @throws the system's Error */
  save(blown: ReadonlyMap<string, BlownFuse>): void;
  remove(): void;
};

export function createFuseFile(path: string): FuseFile {
  return {
    load() {
      try {
        return { blown: readBlown(JSON.parse(readFileSync(path, "utf8"))), problem: "" };
      } catch (error) {
        const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
        const reason = error instanceof Error ? error.message : String(error);
        return { blown: new Map(), problem: isAbsent ? "" : reason };
      }
    },
    save(blown) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      const text = JSON.stringify({ format: 1, blown: Object.fromEntries(blown) });
      writeSynced(path, `${text}\n`, () => {});
      syncFolder(dirname(path));
    },
    remove: () => rmSync(path, { force: true }),
  };
}

/** @throws Error */
function readBlown(content: unknown): ReadonlyMap<string, BlownFuse> {
  const blown = isObject(content) && content.format === 1 ? content.blown : undefined;
  if (!isObject(blown)) throw new Error("it is not written as this version writes it");
  return new Map(
    Object.entries(blown).map(([key, one]) => {
      const { fuse, at, rearmed } = isObject(one) ? one : {};
      if (typeof fuse !== "string" || typeof at !== "string" || typeof rearmed !== "string")
        throw new Error(`it does not say which fuse of ${key} is blown`);
      return [key, { fuse, at, rearmed }];
    }),
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** For sensors without a folder. */
export const noFuseFile: FuseFile = {
  load: () => ({ blown: new Map(), problem: "" }),
  save: () => {},
  remove: () => {},
};
