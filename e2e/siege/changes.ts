// SPDX-License-Identifier: Apache-2.0
// Changes that people make to policies in force.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Field } from "./field.ts";
import { runProgram } from "./lib/run-program.ts";
import { enforcingPolicy, otherPolicy } from "./other-policies.ts";
import type { SiegeEvent } from "./siege-event.ts";
import { directories } from "./siege-sensor.ts";

export const changes: readonly SiegeEvent[] = [
  {
    name: "guards in other words",
    weight: 4,
    run: async ({ sensor, random, step }) => {
      for (let times = random.between(1, 6); times > 0; times--) {
        await sensor.rewriteGuards(step * 10 + times);
        await sleep(random.pick([0, 20, 300]));
      }
      await sensor.becomesReady();
    },
  },
  { name: "guards replaced more than a hundred times", weight: 1, run: replacedOften },
  { name: "other policies come and go", weight: 4, run: othersComeAndGo },
  { name: "other policies are switched", weight: 2, run: othersSwitched },
  { name: "broken files beside the policies", weight: 2, run: brokenFiles },
  { name: "a broken version of a guard", weight: 2, run: brokenGuard },
  { name: "policies by command line", weight: 1, run: byCommandLine },
  {
    name: "killed while policies change",
    weight: 3,
    run: async (field) => {
      const { sensor, random, step } = field;
      const change = sensor.rewriteGuards(step * 10).catch(() => {});
      await sleep(random.below(600));
      await sensor.end("SIGKILL");
      await change;
      sensor.launch();
      await sensor.becomesReady();
    },
  },
];

async function replacedOften({ sensor, random, step }: Field): Promise<void> {
  for (let i = 0; i < 120; i++) {
    await sensor.rewriteGuard(random.pick(sensor.guards), step * 1000 + i);
    if (random.chance(0.1)) await sleep(random.below(100));
  }
  await sensor.becomesReady();
}

async function othersComeAndGo({ sensor, random }: Field): Promise<void> {
  const names = Array.from({ length: random.between(2, 8) }, (_, i) => `siege-other-${i}`);
  for (let times = random.between(2, 6); times > 0; times--) {
    for (const name of names) sensor.writePolicy(name, otherPolicy(name, random));
    await sleep(random.pick([0, 50, 800]));
    if (random.chance(0.5)) for (const name of names) sensor.removePolicy(name);
    await sleep(random.pick([0, 50, 800]));
  }
  for (const name of names) sensor.removePolicy(name);
  await sensor.becomesReady();
}

async function othersSwitched({ sensor, random, violation }: Field): Promise<void> {
  const names = ["siege-switched-a", "siege-switched-b"];
  await sensor
    .ask(async (client) => {
      for (const name of names) await client.add(enforcingPolicy(name, random));
      for (let times = 20; times > 0; times--) {
        const name = random.pick(names);
        if (random.chance(0.6)) await client.configure(name, { enable: random.chance(0.5) });
        else
          await client.configure(name, {
            mode: random.pick(["TP_MODE_ENFORCE", "TP_MODE_MONITOR"] as const),
          });
      }
      for (const name of names) await client.delete(name);
    })
    .catch((error: unknown) => violation(`a policy cannot be switched: ${error}`));
}

async function brokenFiles({ sensor, random }: Field): Promise<void> {
  const at = directories.policies;
  writeFileSync(`${at}/broken-1.yaml`, "kind: [\n");
  writeFileSync(
    `${at}/broken-2.yaml`,
    Buffer.from(Array.from({ length: 5000 }, () => random.below(256))),
  );
  await runProgram(["mkfifo", `${at}/broken-3.yaml`]);
  mkdirSync(`${at}/broken-4.yaml`, { recursive: true });
  symlinkSync("/dev/zero", `${at}/broken-5.yaml`);
  await runProgram(["truncate", "-s", "3G", `${at}/broken-6.yaml`]);
  await sleep(random.between(100, 1500));
  if (random.chance(0.3)) {
    await sensor.end("SIGKILL");
    sensor.launch();
    await sensor.becomesReady();
  }
  for (let i = 1; i <= 6; i++) sensor.removePolicy(`broken-${i}`);
}

/** The previous version must stay in force. */
async function brokenGuard({ sensor, random, step }: Field): Promise<void> {
  for (const name of ["guard-files-kill", "guard-net-allowed", "guard-entries"])
    sensor.writePolicy(name, random.pick(["kind: [broken\n", "", "\0\0\0", `name: ${name}\n`]));
  await sleep(random.between(100, 2500));
  await sensor.rewriteGuards(step * 10);
  await sensor.becomesReady();
}

async function byCommandLine({ random, violation }: Field): Promise<void> {
  const path = "/run/siege/by-command-line.yaml";
  const name = "siege-command-line";
  writeFileSync(path, enforcingPolicy(name, random));
  for (const argv of [
    ["policy", "add", path],
    ["policy", "set-mode", name, "monitor"],
    ["policy", "disable", name],
    ["policy", "list"],
    ["policy", "delete", name],
  ]) {
    const { status, errors } = await runProgram(["gander", ...argv]);
    if (status !== 0)
      violation(`gander ${argv.join(" ")}: exit status ${status}, ${errors.trim()}`);
  }
}
