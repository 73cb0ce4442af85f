// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { type Possible, rehearse, runActs } from "./acts.ts";
import { type Checks, createChecks } from "./checks.ts";
import { deeds } from "./deeds.ts";
import { events, isChange, isFault } from "./events.ts";
import { type Field, layOutField } from "./field.ts";
import type { Guard } from "./guards.ts";
import { createListeners, type Listeners } from "./listeners.ts";
import { layOutLoads, loads, startLoad } from "./loads.ts";
import { type Loops, startLoops } from "./loops.ts";
import { watchPolicy } from "./other-policies.ts";
import { sweepUp } from "./places.ts";
import { type Menu, planStep, randomOfStep, type Step } from "./plan.ts";
import { SiegeSensor } from "./siege-sensor.ts";
import { countRow, newTally, type Tally } from "./tally.ts";
import { whos } from "./who.ts";

/** All existing rows. */
export const menu: Menu = { deeds, attackers: whos, events, loads };

export interface SiegeOptions {
  readonly seed: number;
  readonly guards: readonly Guard[];
  /** Ends after this many steps … */
  readonly steps: number;
  /** … or when a step ends after this time. */
  readonly durationMs: number;
  /** More policies, such as one that forbids innocent deeds. */
  readonly policies?: Readonly<Record<string, string>>;
  /** Called for each step and each violation at once. */
  readonly log: (line: string) => void;
  /** Called with the tally at the start; the tally grows during the siege. */
  readonly onStart?: (tally: Tally) => void;
}

/** After this many, the siege ends. */
const maxViolations = 20;
const stepsBetweenQuietPoints = 3;
/** Beside a load, a sensor may take very long to start, above all on emulated CPUs. */
const loadLimitMs = 90_000;

interface Siege {
  readonly options: SiegeOptions;
  readonly tally: Tally;
  readonly sensor: SiegeSensor;
  readonly listeners: Listeners;
  readonly loops: Loops;
  readonly checks: Checks;
  readonly possible: Possible;
  readonly violation: (what: string) => void;
  readonly log: (line: string) => void;
}

/** Mixes attacks, faults, changes and innocent deeds by the seed; gives the tally. Needs its own machine. */
export async function siege(options: SiegeOptions): Promise<Tally> {
  const { seed, guards, log } = options;
  const tally = newTally();
  const violation = (what: string) => {
    tally.violations.push({ step: tally.step, what });
    log(`VIOLATION in step ${tally.step}: ${what}`);
  };
  options.onStart?.(tally);
  layOutField();
  layOutLoads();
  await using listeners = await createListeners();
  const possible = await rehearse(actsToRehearse(options), listeners);
  await sweepUp();
  log(`rehearsed: ${possible.size} innocent deeds are possible on this kernel`);
  await using sensor = new SiegeSensor(guards);
  await sensor.setUp({ "siege-watch": watchPolicy, ...options.policies });
  log("the sensor is ready");
  await using loops = startLoops();
  const checks = createChecks(sensor, guards, loops, tally);
  const all: Siege = { options, tally, sensor, listeners, loops, checks, possible, violation, log };
  const end = performance.now() + options.durationMs;
  for (let number = 1; number <= options.steps && performance.now() < end; number++) {
    tally.step = number;
    await takeStep(all, planStep(seed, number, menu));
    if (tally.violations.length >= maxViolations) break;
  }
  for (const what of await checks.atQuietPoint()) violation(what);
  tally.loopAttempts = loops.attempts;
  return tally;
}

/** The acts of the steps if they are few; else those of enough steps to contain every row. */
function actsToRehearse({ seed, steps }: SiegeOptions) {
  const count = Math.min(steps, 400);
  return Array.from({ length: count }, (_, i) => planStep(seed, i + 1, menu))
    .flatMap(({ acts }) => acts)
    .filter(({ side }) => side === "innocent");
}

async function takeStep(siege: Siege, step: Step): Promise<void> {
  const { sensor, listeners, loops, checks, tally, violation, options } = siege;
  options.log(
    `step ${step.number}: ${step.event}; ${step.load}; ${step.acts.length} acts, ${step.width} at a time`,
  );
  const random = randomOfStep(options.seed, step.number);
  const field: Field = { sensor, listeners, random, step: step.number, violation };
  {
    await using load = startLoad(step.load);
    const relief = setTimeout(() => {
      options.log(`the load "${step.load}" ends early: the event "${step.event}" still goes on`);
      void load[Symbol.asyncDispose]();
    }, loadLimitMs);
    await actsDuring(siege, step, runEvent(step, field));
    clearTimeout(relief);
  }
  countRow(tally, `event: ${step.event}`);
  countRow(tally, `load: ${step.load}`);
  if (isFault(step.event)) tally.faults++;
  if (isChange(step.event)) tally.changes++;
  await sweepUp();
  if (sensor.running !== 1) {
    violation(`${sensor.running} sensors run after the step: ${sensor.lastWords()}`);
    await recover(field);
  }
  // Sent data may still be under way.
  await sleep(200);
  for (const line of listeners.takeForbidden()) violation(`the listener says: ${line}`);
  for (const what of await loops.wrong()) violation(what);
  tally.loopAttempts = loops.attempts;
  if (step.number % stepsBetweenQuietPoints === 0)
    for (const what of await checks.atQuietPoint()) violation(what);
}

/** Does the acts at least once, and repeats them while the event lasts. */
async function actsDuring(siege: Siege, step: Step, event: Promise<void>): Promise<void> {
  let isOver = false;
  const end = event.finally(() => {
    isOver = true;
  });
  await runActs(step, 0, siege);
  // Few at a time, or the event would never end.
  for (let round = 1; !isOver; round++)
    await runActs({ ...step, width: Math.min(step.width, 2) }, round, siege);
  await end;
}

async function runEvent(step: Step, field: Field): Promise<void> {
  try {
    await events.find(({ name }) => name === step.event)?.run(field);
  } catch (error) {
    field.violation(`event "${step.event}": ${error instanceof Error ? error.message : error}`);
    await recover(field);
  }
}

/** After a failure: a new sensor on the existing state. */
async function recover({ sensor }: Field): Promise<void> {
  await sensor.end("SIGKILL");
  sensor.launch();
  await sensor.becomesReady();
}
