// SPDX-License-Identifier: Apache-2.0
// Invariants that hold at every moment, and checks for when all stands still.
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
/** Emulated CPUs stand still when the host is busy; the kernel is not at fault. */
const isOfEmulation = /soft lockup|rcu.*stall|workqueue lockup|hung_task|clocksource/i;

type Counters = Readonly<Record<"hits" | "emitted" | "lost" | "enforced" | "rest", number>>;

interface Seen extends Counters {
  readonly version: number;
  /** Attempts of the loop that the policy killed. */
  readonly killed: number;
}

export interface Checks {
  /** Checks counters, kernel messages and memory while nothing is attempted. */
  atQuietPoint(): Promise<readonly string[]>;
}

export function createChecks(
  sensor: SiegeSensor,
  guards: readonly Guard[],
  loops: Loops,
  tally: Tally,
): Checks {
  const before = new Map<string, Seen>();

  /** Each policy's calls add up, none of its counters went down, and each killed process is counted. */
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
        // The sensor's own calls may change a counter between two reads.
        return wrong.length === 0;
      },
      5000,
      500,
    );
    return wrong;
  };

  return {
    async atQuietPoint() {
      // Until rewritten files are in force.
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

/** A version counts from 0; within it no counter goes down, and each process killed by the loop counts. */
function compared(name: string, before: Seen | undefined, now: Seen): string[] {
  if (before === undefined || before.version !== now.version) return [];
  const keys = ["hits", "emitted", "lost", "enforced"] as const;
  const wrong = keys
    .filter((key) => now[key] < before[key])
    .map((key) => `${name}: ${key} went from ${before[key]} to ${now[key]}`);
  const [died, enforced] = [now.killed - before.killed, now.enforced - before.enforced];
  // The loop may be about to count one more.
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
