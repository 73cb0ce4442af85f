// SPDX-License-Identifier: Apache-2.0
// Attempts that continue from the first step to the last, whatever happens to the sensor.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { attackProgram } from "../tests/lib/attack.ts";
import { forbidden } from "../tests/lib/outside.ts";
import { ownPlace, type Place } from "./places.ts";

/** The output of e2e/attacks/loop.c. */
interface LoopCounts {
  readonly attempts: number;
  readonly killed: number;
  readonly refused: number;
  readonly succeeded: number;
  readonly other: number;
}

interface Loop {
  readonly name: string;
  readonly isForbidden: boolean;
  /** The policy that kills it. */
  readonly guard?: string;
  readonly argv: readonly string[];
}

export interface Loops extends AsyncDisposable {
  /** Forbidden attempts so far. */
  readonly attempts: number;
  /** Attempts killed so far, by policy. */
  killed(): ReadonlyMap<string, number>;
  /** Results that should not have happened; empty if all is well. */
  wrong(): Promise<readonly string[]>;
  /** Stops all attempts; resolves when all of them are counted. */
  pause(): Promise<void>;
  resume(): void;
}

const noCounts: LoopCounts = { attempts: 0, killed: 0, refused: 0, succeeded: 0, other: 0 };
/** No deed uses this port. */
const port = "20598";
const hours = `${24 * 3600}`;

export function startLoops(): Loops {
  const places = {
    listed: ownPlace("/srv/listed", "loop."),
    open: ownPlace("/srv/open", "loop."),
  };
  const loops: Loop[] = [
    {
      name: "write, not on the list",
      isForbidden: true,
      guard: "guard-files-list",
      argv: ["loop-write", hours, "1", places.listed.file],
    },
    {
      name: "connect",
      isForbidden: true,
      guard: "guard-net-allowed",
      argv: ["loop-connect", hours, "1", forbidden.IPv4, port],
    },
    {
      name: "write elsewhere",
      isForbidden: false,
      argv: ["loop-write", hours, "1", places.open.file],
    },
  ];
  const running = loops.map((loop) => ({ loop, ...start(loop.argv) }));
  const signalGroups = (signal: NodeJS.Signals) => {
    for (const { child } of running) if (child.pid !== undefined) process.kill(-child.pid, signal);
  };
  return {
    get attempts() {
      const forbiddenOnes = running.filter(({ loop }) => loop.isForbidden);
      return forbiddenOnes.reduce((sum, { counts }) => sum + counts().attempts, 0);
    },
    killed: () => new Map(running.map(({ loop, counts }) => [loop.guard ?? "", counts().killed])),
    wrong: async () => [
      ...running.flatMap(({ loop, child, counts }) => wrongOf(loop, child, counts())),
      ...(await wrongPlaces([places.listed])),
    ],
    async pause() {
      for (const { child } of running)
        for (const worker of workersOf(child.pid)) process.kill(worker, "SIGSTOP");
      // The loops report their counts once a second.
      await sleep(2200);
    },
    resume: () => signalGroups("SIGCONT"),
    async [Symbol.asyncDispose]() {
      signalGroups("SIGKILL");
      for (const place of Object.values(places)) await place[Symbol.asyncDispose]();
    },
  };
}

function start(argv: readonly string[]): { child: ChildProcess; counts: () => LoopCounts } {
  const child = spawn(attackProgram, argv, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  let counts = noCounts;
  createInterface({ input: child.stdout }).on("line", (line) => {
    counts = JSON.parse(line);
  });
  return { child, counts: () => counts };
}

function workersOf(pid: number | undefined): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .map(Number)
    .filter(Boolean);
}

function wrongOf(loop: Loop, child: ChildProcess, counts: LoopCounts): string[] {
  if (child.exitCode !== null || child.signalCode !== null)
    return [`the loop "${loop.name}" has ended: ${child.exitCode ?? child.signalCode}`];
  const { succeeded, killed, refused } = counts;
  const isWrong = loop.isForbidden ? succeeded > 0 : killed + refused > 0;
  return isWrong ? [`the loop "${loop.name}": ${JSON.stringify(counts)}`] : [];
}

async function wrongPlaces(places: readonly Place[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const place of places)
    if ((await place.isWritten()) || place.isChanged())
      wrong.push(`${place.directory} has changed`);
  return wrong;
}
