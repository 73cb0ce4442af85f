// SPDX-License-Identifier: Apache-2.0
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { runProgram } from "./lib/run-program.ts";

/** A directory for one deed only: "target", "other" and "empty". */
export interface Place extends AsyncDisposable {
  readonly directory: string;
  readonly file: string;
  takeAway(): void;
  /** Whether a file in it, however deep, has content of the deed. */
  isWritten(): Promise<boolean>;
  /** Whether names, sizes or modes differ from the original ones. */
  isChanged(): boolean;
}

const original = "original\n".repeat(1000);
const trash = "/var/tmp/siege-trash";
let thrownAway = 0;

/** Put in place by renaming, which no policy on writes forbids, and removed in the same way. */
export function ownPlace(zone: string, id: string): Place {
  const directory = `${zone}/${id}`;
  const staging = `/var/tmp/staging-${id}`;
  mkdirSync(staging);
  for (const name of ["target", "other"]) {
    writeFileSync(`${staging}/${name}`, name === "target" ? original : "");
    chmodSync(`${staging}/${name}`, 0o666);
  }
  mkdirSync(`${staging}/empty`);
  for (const path of [staging, `${staging}/empty`]) chmodSync(path, 0o777);
  renameSync(staging, directory);
  const before = snapshot(directory);
  return {
    directory,
    file: `${directory}/target`,
    takeAway: () => moveToTrash(directory, id),
    isWritten: async () => {
      // grep, because some paths exceed the length limit of a path.
      const found = await runProgram(["grep", "-rqsF", "-D", "skip", "landed by", directory]);
      return found.status === 0 || isDifferent(`${directory}/target`);
    },
    isChanged: () => snapshot(directory) !== before,
    async [Symbol.asyncDispose]() {
      await unmountBelow(directory);
      moveToTrash(directory, id);
      await emptyTrash(id);
    },
  };
}

/** Directories that were moved there are empty: moving is not writing. */
function isDifferent(file: string): boolean {
  try {
    const content = readFileSync(file, "utf8");
    return content !== original && content !== "";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

function snapshot(directory: string): string {
  return readdirSync(directory, { withFileTypes: true })
    .map((entry) => {
      const path = `${directory}/${entry.name}`;
      const { mode, size } = statSync(path, { throwIfNoEntry: false }) ?? { mode: 0, size: 0 };
      return `${entry.name} ${mode} ${entry.isDirectory() ? "" : size}`;
    })
    .sort()
    .join("\n");
}

function moveToTrash(directory: string, id: string): void {
  mkdirSync(trash, { recursive: true });
  try {
    renameSync(directory, `${trash}/${id}-${thrownAway++}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function emptyTrash(id: string): Promise<void> {
  for (const name of readdirSync(trash).filter((name) => name.startsWith(`${id}-`)))
    try {
      rmSync(`${trash}/${name}`, { recursive: true, force: true });
    } catch {
      // Too deep for a path.
      await runProgram(["rm", "-rf", `${trash}/${name}`]);
    }
}

/** Unmounts what a deed has mounted, there or where attacks put things. */
async function unmountBelow(directory: string): Promise<void> {
  const mounted = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(directory) || path.startsWith("/var/tmp/attack"));
  for (const path of mounted.reverse()) await runProgram(["umount", "-l", path]);
}

/** Removes what deeds leave outside their places. Call it only while no deed runs. */
export async function sweepUp(): Promise<void> {
  await unmountBelow("/var/tmp/attack");
  await runProgram([
    "sh",
    "-c",
    "rm -rf /var/tmp/attack* /tmp/attack* /opt/*/attack-linked* /tmp/hog-*",
  ]);
}
