// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError } from "@gander/base";
import { actProgram } from "../act-program.ts";
import { type Outcome, TestContainer } from "../live/test-container.ts";
import type { TestCase } from "../policy-test.ts";
import { type AttackResult, attackResult, type Ending } from "./attack-result.ts";
import type { Attack } from "./find-attacks.ts";
import { distinct, type Reports } from "./watch-reports.ts";

const cgroupRoot = "/sys/fs/cgroup";

export type HereOptions = {
  readonly reports: Reports | undefined;
  readonly signal: AbortSignal;
};

/**
 * Does the attacks on this machine, each case in a container of its own that is thrown away.
 * @throws GanderError if no container can be made here.
 */
export async function runHere(
  attacks: readonly Attack[],
  { reports, signal }: HereOptions,
): Promise<readonly AttackResult[]> {
  if (process.getuid?.() !== 0)
    throw new GanderError("client-not-allowed", "Cannot make a container here: that needs root", {
      hint: "Run the command again with sudo, or in a pod: --pod NAMESPACE.",
    });
  const done: { attack: Attack; one: TestCase; ending: Ending; containerId: string }[] = [];
  for (const attack of attacks)
    for (const one of attack.cases) {
      signal.throwIfAborted();
      const containerId = randomBytes(32).toString("hex");
      done.push({ attack, one, containerId, ending: await runCase(one, containerId) });
    }
  const all = await arrived(reports);
  return done.map(({ attack, one, ending, containerId }) => {
    const own = all.filter((report) => isOf(report.containerId, containerId));
    return attackResult(attack, one, ending, distinct(own));
  });
}

const isOf = (shown: string, id: string) => shown !== "" && id.startsWith(shown);

async function runCase(one: TestCase, containerId: string): Promise<Ending> {
  // As a container runtime names it, so that events name the container.
  const folder = join(cgroupRoot, `gander-attack-${process.pid}`);
  const cgroup = join(folder, `cri-containerd-${containerId}.scope`);
  try {
    mkdirSync(cgroup, { recursive: true });
    using container = new TestContainer(cgroup, one);
    for (const operation of one.given) {
      const outcome = await container.act(operation);
      if (outcome.ended !== "done") return endingOf(outcome, `before: ${operation.name}: `);
    }
    container.mountRest();
    return endingOf(await container.act(one.do));
  } catch (error) {
    return unprepared(error);
  } finally {
    for (const path of [cgroup, folder]) await removed(path);
  }
}

/** Policies for the whole machine are for what prepares a container, too. */
function unprepared(error: unknown): Ending {
  const message = error instanceof Error ? error.message : String(error);
  const isRefused = error instanceof Error && "code" in error && error.code === "EPERM";
  return isRefused
    ? { outcome: "refused", error: `before: ${message}` }
    : { outcome: "impossible", error: message };
}

const endings = { done: "succeeded", refused: "refused", killed: "killed" } as const;

const endingOf = (outcome: Outcome, when = ""): Ending => ({
  outcome: endings[outcome.ended],
  error: outcome.ended === "refused" ? `${when}${outcome.error}` : "",
});

/** The kernel needs a moment until the last process of a cgroup is gone. */
async function removed(path: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    try {
      return rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") return;
      await sleep(50);
    }
  }
}

/** All reports of what was done so far: those of a program that is started now come behind them. */
async function arrived(reports: Reports | undefined): Promise<Reports["all"]> {
  if (reports === undefined) return [];
  const mark = `gander-attack-${randomBytes(8).toString("hex")}`;
  spawnSync(actProgram(), [mark], { stdio: "ignore" });
  await reports.seen(mark, 10_000);
  // Records of different processors, and of the ring for what is urgent, have no order among them.
  await sleep(500);
  return reports.all;
}
