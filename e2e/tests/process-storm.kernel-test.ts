// SPDX-License-Identifier: Apache-2.0
// Processes as fast as the guest can start them: each is told of exactly once, with the right
// parent, start time and end, or counted as lost.
import assert from "node:assert/strict";
import { constants } from "node:os";
import { after, before, describe, test } from "node:test";
import { attack } from "./lib/attack.ts";
import { asking, eventCounts, lostOf, type RecordCounts } from "./lib/event-counts.ts";
import type { ExportedEvent } from "./lib/exported-event.ts";
import {
  nanoseconds,
  processStorm,
  type StormKind,
  type StormProcess,
} from "./lib/process-storm.ts";
import { Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

/** How far the sensor's idea of the wall clock may be off from the storm's. */
const toleranceNs = 5_000_000n;

const signalName = new Map(Object.entries(constants.signals).map(([name, n]) => [n, name]));

describe("process storms", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start({ flags: ["--export-file-max-size-mb", "1000"] });
  });
  after(() => sensor?.[Symbol.asyncDispose]());

  for (const [kind, count, workers] of [
    ["exec", 10_000, 4],
    ["spawn", 1_000, 4],
    ["threads", 1_000, 8],
    ["tree", 1_000, 4],
  ] as const satisfies readonly (readonly [StormKind, number, number])[])
    test(`${count} by ${kind}`, { timeout: 1_000_000 }, async () => {
      const before = await exactSums(sensor);
      const storm = processStorm(kind, count, workers);
      const after = await exactSums(sensor);
      const events = sensor.events();
      const execs = byIndex(events, kind, (event) => event.process_exec?.process.arguments);
      const exits = byIndex(events, kind, (event) => event.process_exit?.process.arguments);
      const missing = { exec: count - sizeOfAll(execs), exit: count - sizeOfAll(exits) };
      // Only processes of the storm ran meanwhile, but for a few of the test.
      const lost = { exec: after.exec - before.exec, exit: after.exit - before.exit };
      const told = JSON.stringify({ kind, missing, lost });
      console.log(told);
      assert.ok(missing.exec >= 0 && missing.exec <= lost.exec, told);
      // An exit is known by what its exec said.
      assert.ok(missing.exit >= 0 && missing.exit <= lost.exit + lost.exec, told);
      const problems = storm.flatMap((process) =>
        problemsOf(process, execs.get(process.index) ?? [], exits.get(process.index) ?? []),
      );
      assert.deepEqual(problems.slice(0, 10), [], `${problems.length} problems`);
    });

  test("2,000 that only fork", { timeout: 1_000_000 }, async () => {
    const before = await exactSums(sensor);
    const storm = processStorm("fork", 2_000, 4);
    const after = await exactSums(sensor);
    const pids = new Set(storm.map((process) => process.pid));
    const first = storm.map((process) => process.beforeFork).sort()[0] ?? 0n;
    const exits = sensor
      .events()
      .filter(
        ({ process_exit: exit }) =>
          exit && pids.has(exit.process.pid) && nanoseconds(exit.time) >= first,
      );
    const missing = storm.length - exits.length;
    assert.ok(missing >= 0 && missing <= after.exit - before.exit, `${missing} exits are missing`);
    const byPid = new Map(
      exits.map((event) => [event.process_exit?.process.pid, event.process_exit]),
    );
    const problems = storm.flatMap((process) => {
      const exit = byPid.get(process.pid);
      if (exit === undefined) return [];
      return [
        ...endProblems(process, exit),
        ...(exit.parent?.pid === process.parentPid
          ? []
          : [`${process.pid}: parent ${exit.parent?.pid}, not ${process.parentPid}`]),
        ...startProblems(process, exit.process.start_time),
      ];
    });
    assert.deepEqual(problems.slice(0, 10), [], `${problems.length} problems`);
  });

  test("a bounded fork bomb", { timeout: 300_000 }, async () => {
    attack("fork-tree", "5");
    await sensor.settled();
    assert.ok(sensor.running);
  });
});

function byIndex(
  events: readonly ExportedEvent[],
  kind: StormKind,
  argumentsOf: (event: ExportedEvent) => string | undefined,
): Map<number, ExportedEvent[]> {
  const found = new Map<number, ExportedEvent[]>();
  for (const event of events) {
    const match = new RegExp(`^storm-leaf /run/storm-${kind}\\.memory (\\d+)$`).exec(
      argumentsOf(event) ?? "",
    );
    if (match === null) continue;
    const index = Number(match[1]);
    found.set(index, [...(found.get(index) ?? []), event]);
  }
  return found;
}

const sizeOfAll = (events: ReadonlyMap<number, readonly unknown[]>) =>
  [...events.values()].reduce((sum, list) => sum + list.length, 0);

function problemsOf(
  process: StormProcess,
  execs: readonly ExportedEvent[],
  exits: readonly ExportedEvent[],
): string[] {
  const exec = execs[0]?.process_exec;
  const exit = exits[0]?.process_exit;
  if (execs.length > 1 || exits.length > 1)
    return [`${process.index}: ${execs.length} execs, ${exits.length} exits`];
  const problems: string[] = [];
  if (exec !== undefined) {
    if (exec.process.pid !== process.pid)
      problems.push(`pid ${exec.process.pid}, not ${process.pid}`);
    if (exec.parent?.pid !== process.parentPid)
      problems.push(`parent ${exec.parent?.pid}, not ${process.parentPid}`);
    if (exec.parent?.exec_id !== exec.process.parent_exec_id)
      problems.push("parent.exec_id is not process.parent_exec_id");
    if (!exec.parent?.binary.endsWith("/attack"))
      problems.push(`the parent's binary is ${exec.parent?.binary}`);
    problems.push(...startProblems(process, exec.process.start_time));
    const id = Buffer.from(exec.process.exec_id, "base64").toString();
    if (!id.endsWith(`:${process.pid}`)) problems.push(`exec_id is ${id}`);
  }
  if (exit !== undefined) problems.push(...endProblems(process, exit));
  if (exec !== undefined && exit !== undefined && exec.process.exec_id !== exit.process.exec_id)
    problems.push("exec and exit have different ids");
  return problems.map((problem) => `${process.index}: ${problem}`);
}

function startProblems(process: StormProcess, startTime: string): string[] {
  const start = nanoseconds(startTime);
  if (start + toleranceNs < process.beforeFork)
    return [`${process.index}: started ${process.beforeFork - start} ns before it was forked`];
  if (start > process.inMain + toleranceNs)
    return [`${process.index}: started ${start - process.inMain} ns after its main`];
  return [];
}

function endProblems(
  process: StormProcess,
  exit: { readonly signal?: string; readonly status?: number },
): string[] {
  const signal = signalName.get(process.status & 0x7f);
  const status = (process.status >> 8) & 0xff;
  if ((exit.signal || undefined) !== signal)
    return [`${process.index}: ended by ${exit.signal}, not ${signal}`];
  if (signal === undefined && (exit.status ?? 0) !== status)
    return [`${process.index}: status ${exit.status}, not ${status}`];
  return [];
}

/**
 * Every exec and exit of this machine so far is a line of the file or counted as lost, and the sums
 * agree exactly. Gives what is missing.
 */
async function exactSums(
  sensor: Sensor,
): Promise<{ readonly exec: number; readonly exit: number }> {
  // Each attempt starts some programs, which takes its time in an emulated machine.
  const { counts, before } = await waitUntil(
    "counters are read while nothing else happens",
    () => countsInQuiet(sensor),
    600_000,
  );
  const execs = before.filter(
    ({ process_exec: exec }) => exec !== undefined && !/\bprocFS\b/.test(exec.process.flags ?? ""),
  ).length;
  const exits = before.filter((event) => event.process_exit !== undefined).length;
  const { exec, exit, readers, undecodable } = counts;
  const { dropped } = readers.file;
  const told = JSON.stringify({ execs, exits, counts });
  assert.equal(undecodable, 0, told);
  assert.equal(execs + exits + dropped, written(exec) + written(exit), told);
  // What the file left out can be of either kind.
  assert.ok(execs <= written(exec) && exits <= written(exit), told);
  return { exec: lostOf(exec) + dropped, exit: lostOf(exit) + dropped };
}

/**
 * Counters, and all events before the moment when they were read: that is when the program that
 * asked was running. undefined: a worker of the kernel, or somebody else, began or ended then.
 */
async function countsInQuiet(sensor: Sensor) {
  await sensor.settled();
  const counts = eventCounts();
  await sensor.settled();
  const events = sensor.events();
  const last = events.findLastIndex(({ process_exec: exec }) =>
    exec?.process.arguments?.endsWith(asking.join(" ")),
  );
  const id = events[last]?.process_exec?.process.exec_id;
  const end = events.findIndex(({ process_exit: exit }) => exit?.process.exec_id === id);
  const isQuiet = id !== undefined && end === last + 1;
  return isQuiet ? { counts, before: events.slice(0, end) } : undefined;
}

const written = (counts: RecordCounts) => counts.produced - lostOf(counts);
