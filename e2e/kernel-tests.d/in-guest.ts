// SPDX-License-Identifier: Apache-2.0
// In a guest: runs kernel tests one after the other, each file as a process of its own, and says after each
// how it ended. If one leaves something behind, that is said, and the others are left to a new guest.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Counts } from "../../scripts/test/counts.ts";
import { formatMessage, type GuestMessage } from "./guest-messages.ts";
import { difference, type GuestState, readGuestState, sweep } from "./guest-state.ts";

const FILE_LIMIT_MS = 25 * 60_000;
/** What is being taken down, such as programs after a grace period, may take this long. */
const SETTLE_MS = 5_000;
const COUNTS = "/run/vm/counts.json";

const files = process.argv.slice(2);
const before = files.length > 1 ? readGuestState() : undefined;
for (const [index, file] of files.entries()) {
  say({ kind: "start", file });
  say({ kind: "end", file, ...runFile(file) });
  if (before === undefined || index === files.length - 1) continue;
  const what = await whatIsLeft(before);
  if (what.length === 0) continue;
  say({ kind: "left", file, what: what.slice(0, 5) });
  break;
}

function runFile(file: string): { status: number; counts: Counts | undefined } {
  rmSync(COUNTS, { force: true });
  const reporters = ["spec", `${import.meta.dirname}/count-reporter.ts`].flatMap((name, index) => [
    `--test-reporter=${name}`,
    `--test-reporter-destination=${index === 0 ? "stdout" : COUNTS}`,
  ]);
  const { status, signal, error } = spawnSync(process.execPath, [...reporters, bundleOf(file)], {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: FILE_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  if (error !== undefined) console.error(`${file}: ${error.message}`);
  return { status: status ?? 128 + constants.signals[signal ?? "SIGKILL"], counts: readCounts() };
}

/** What packages/cli/scripts/prepare-guest.ts has made of it: to read all the modules of a test takes 8 s here. */
function bundleOf(file: string): string {
  const bundle = file.replace(/^\/gander\/(.*)\.ts$/, "/gander/build/guest/tests/$1.mjs");
  return existsSync(bundle) ? bundle : file;
}

function readCounts(): Counts | undefined {
  try {
    return JSON.parse(readFileSync(COUNTS, "utf8"));
  } catch {
    return undefined;
  }
}

async function whatIsLeft(state: GuestState): Promise<string[]> {
  const deadline = Date.now() + SETTLE_MS;
  sweep(state, readGuestState());
  for (;;) {
    const left = difference(state, readGuestState());
    if (left.length === 0 || Date.now() > deadline) return left;
    await sleep(200);
  }
}

/** At once: the kernel may die by the next line. */
function say(message: GuestMessage): void {
  writeSync(1, formatMessage(message));
}
