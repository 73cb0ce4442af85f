// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

/** Files that run in one guest, one after the other. */
export interface Group {
  readonly kernel: string;
  readonly files: readonly string[];
  readonly expectedSeconds: number;
}

/** File → seconds of CPU time on an emulated machine; only their order matters. Written by kernel-tests.ts --record. */
export type Durations = Readonly<Record<string, number>>;

/** Of a file that is new. */
const UNKNOWN_SECONDS = 60;
/** A guest costs 7 s. More files in one would save little, and leave a CPU idle at the end. */
const GROUP_SECONDS = 150;

export const durationsFile = `${import.meta.dirname}/durations.json`;
export const readDurations = (): Durations => JSON.parse(readFileSync(durationsFile, "utf8"));

export interface GroupOptions {
  readonly kernel: string;
  readonly durations: Durations;
  readonly isAlone: (file: string) => boolean;
}

/** Neighbours in the list share a guest, as they have most modules in common. */
export function groupFiles(files: readonly string[], options: GroupOptions): Group[] {
  const secondsOf = (file: string) => options.durations[file] ?? UNKNOWN_SECONDS;
  const groups: { files: string[]; seconds: number }[] = [];
  let open: { files: string[]; seconds: number } | undefined;
  for (const file of files) {
    const seconds = secondsOf(file);
    if (options.isAlone(file)) {
      groups.push({ files: [file], seconds });
    } else if (open !== undefined && open.seconds + seconds <= GROUP_SECONDS) {
      open.files.push(file);
      open.seconds += seconds;
    } else {
      open = { files: [file], seconds };
      groups.push(open);
    }
  }
  return groups.map((group) => ({
    kernel: options.kernel,
    files: group.files,
    expectedSeconds: group.seconds,
  }));
}

/** With the longest first, those who take one after the other end at nearly the same time. */
export function longestFirst(groups: readonly Group[]): Group[] {
  return groups.toSorted((a, b) => b.expectedSeconds - a.expectedSeconds);
}
