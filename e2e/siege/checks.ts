// SPDX-License-Identifier: Apache-2.0
// What must hold at every moment, and what can be asked when all stands still.
import { setTimeout as sleep } from "node:timers/promises";
import type { TracingPolicyStatus } from "@gander/proto";
import type { Guard } from "./guards.ts";
import { runProgram } from "./lib/run-program.ts";
import { until } from "./lib/until.ts";
import type { Loops } from "./loops.ts";
import { type SiegeSensor, whatIsMissing } from "./siege-sensor.ts";
import type { Tally } from "./tally.ts";

const maxMemoryMb = 600;
const splat = /\b(WARNING:|BUG:|Oops|general protection|refcount_t|KASAN|UBSAN|Kernel panic)/;
/** Emulated CPUs stand still when the host is busy; that is no fault of the kernel's. */
const isOfEmulation = /soft lockup|rcu.*stall|workqueue lockup|hung_task|clocksource/i;

type Counters = Readonly<Record<"hits" | "emitted" | "lost" | "enforced" | "rest", number>>;

interface Seen extends Counters {
  readonly version: number;
  /** Of the loop that the policy kills. */
  readonly killed: number;
}

export interface Checks {
  /** Counters, kernel messages and memory, while nothing is attempted. */
  atQuietPoint(): Promise<readonly string[]>;
}

export function createChecks(
  sensor: SiegeSensor,
  guards: readonly Guard[],
  loops: Loops,
  tally: Tally,
): Checks {
  const before = new Map<string, Seen>();

  /** Each policy's calls add up, none of its counters is less than before, and what died is counted. */
  const counters = async (): Promise<string[]> => {
    let wrong: string[] = [];
    await until(
      async () => {
        const policies = await sensor.ask((client) => client.policies()).catch(String);
        if (typeof policies === "string") {
          wrong = [`the sensor does not tell its policies: ${policies}`];
          return false;
        }
        const missing = whatIsMissing(policies, guards);
        wrong = missing === "" ? [] : [missing];
        for (const policy of policies) wrong.push(...sumOf(policy));
        for (const { name } of guards) {
          const now = countersOf(policies.find((policy) => policy.name === name));
          const killed = loops.killed().get(name) ?? 0;
          const seen = { ...now, killed, version: sensor.version };
          wrong.push(...compared(name, before.get(name), seen));
          if (wrong.length === 0) before.set(name, seen);
        }
        // What the sensor itself does may come between two numbers.
        return wrong.length === 0;
      },
      5000,
      500,
    );
    return wrong;
  };

  return {
    async atQuietPoint() {
      // Until files that were rewritten are in force.
      await sleep(5000);
      await loops.pause();
      try {
        const wrong = [...(await counters()), ...(await kernelMessages())];
        const memoryMb = sensor.memoryMb();
        tally.maxMemoryMb = Math.max(tally.maxMemoryMb, memoryMb);
        if (memoryMb > maxMemoryMb) wrong.push(`the sensor holds ${Math.round(memoryMb)} MB`);
        tally.quietPoints++;
        return wrong;
      } finally {
        loops.resume();
      }
    },
  };
}

function countersOf(policy: TracingPolicyStatus | undefined): Counters {
  const of = policy?.stats?.action_counters ?? {};
  const sum = (...values: readonly (string | undefined)[]) =>
    values.reduce((total, value) => total + Number(value ?? 0), 0);
  return {
    hits: sum(of.hits),
    emitted: sum(of.post),
    lost: sum(of.lost_ring_full, of.lost_memory),
    enforced: sum(of.signal, of.override),
    rest: sum(
      of.filtered,
      of.nopost,
      of.suppressed_rate_limit,
      of.suppressed_budget,
      of.unevaluated,
    ),
  };
}

function sumOf(policy: TracingPolicyStatus): string[] {
  const counters = countersOf(policy);
  const { hits, emitted, lost, rest } = counters;
  if (hits === emitted + lost + rest) return [];
  return [`the counters of ${policy.name} do not add up: ${JSON.stringify(counters)}`];
}

/** A version of a policy counts from 0 on; then nothing goes down, and who died in the loop is counted. */
function compared(name: string, before: Seen | undefined, now: Seen): string[] {
  if (before === undefined || before.version !== now.version) return [];
  const keys = ["hits", "emitted", "lost", "enforced"] as const;
  const wrong = keys
    .filter((key) => now[key] < before[key])
    .map((key) => `${name}: ${key} went from ${before[key]} to ${now[key]}`);
  const [died, enforced] = [now.killed - before.killed, now.enforced - before.enforced];
  // One may be about to be counted by the loop.
  if (died > enforced + 1)
    wrong.push(`${name} counts ${enforced} killed, of the loop alone ${died} died`);
  return wrong;
}

async function kernelMessages(): Promise<string[]> {
  const { output } = await runProgram(["dmesg", "--read-clear"]);
  return output
    .split("\n")
    .filter((line) => splat.test(line) && !isOfEmulation.test(line))
    .map((line) => `the kernel says: ${line}`);
}
