// SPDX-License-Identifier: Apache-2.0
// Faults of a sensor: it dies, stops, has no memory, no room, another time.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Field } from "./field.ts";
import { runProgram } from "./lib/run-program.ts";
import { until } from "./lib/until.ts";
import { otherPolicy } from "./other-policies.ts";
import type { SiegeEvent } from "./siege-event.ts";
import { directories } from "./siege-sensor.ts";

export const faults: readonly SiegeEvent[] = [
  {
    name: "killed and started again",
    weight: 4,
    run: async ({ sensor, random }) => {
      await sensor.end("SIGKILL");
      await sleep(random.below(2500));
      sensor.launch();
      await sensor.becomesReady();
    },
  },
  {
    name: "killed while it starts",
    weight: 3,
    run: async ({ sensor, random }) => {
      for (let times = random.between(1, 3); times > 0; times--) {
        await sensor.end("SIGKILL");
        sensor.launch();
        await sleep(random.between(200, 12_000));
      }
      await sensor.end("SIGKILL");
      sensor.launch();
      await sensor.becomesReady();
    },
  },
  {
    name: "stopped cleanly, enforcement kept, started again",
    weight: 3,
    run: async ({ sensor, random, violation }) => {
      if (!(await sensor.end("SIGTERM"))) violation("the sensor does not end by SIGTERM");
      await sleep(random.below(2500));
      sensor.launch();
      await sensor.becomesReady();
    },
  },
  {
    name: "asked to stop while it starts",
    weight: 1,
    run: async ({ sensor, random, violation }) => {
      await sensor.end("SIGKILL");
      sensor.launch();
      await sleep(random.between(500, 10_000));
      if (!(await sensor.end("SIGTERM"))) violation("a sensor that starts does not end by SIGTERM");
      sensor.launch();
      await sensor.becomesReady();
    },
  },
  {
    name: "stands still",
    weight: 3,
    run: async ({ sensor, random }) => {
      sensor.signal("SIGSTOP");
      await sleep(random.between(1000, 8000));
      sensor.signal("SIGCONT");
      await sensor.becomesReady();
    },
  },
  { name: "a second one beside it", weight: 1, run: secondSensor },
  {
    name: "two started at once",
    weight: 2,
    run: async ({ sensor }) => {
      await sensor.end("SIGKILL");
      sensor.launch();
      sensor.launch();
      await sensor.becomesReady();
    },
  },
  { name: "out of memory", weight: 2, run: outOfMemory },
  {
    name: "no room for its state, policies change",
    weight: 1,
    run: (field) =>
      withoutRoom(directories.state, async () => {
        await changeOthers(field, 3);
      }),
  },
  {
    name: "no room for its state, killed",
    weight: 1,
    run: (field) =>
      withoutRoom(directories.state, async () => {
        await changeOthers(field, 2);
        await field.sensor.end("SIGKILL");
        field.sensor.launch();
        await field.sensor.becomesReady();
      }),
  },
  {
    name: "its state is read-only",
    weight: 1,
    run: async (field) => {
      await runProgram(["mount", "-o", "remount,ro", directories.state]);
      await changeOthers(field, 3);
      await runProgram(["mount", "-o", "remount,rw", directories.state]);
    },
  },
  { name: "its manifest is damaged", weight: 1, run: damagedManifest },
  {
    name: "no room for the export",
    weight: 1,
    run: ({ random }) => withoutRoom(directories.export, () => sleep(random.between(1000, 4000))),
  },
  { name: "many other pins", weight: 1, run: otherPins },
  { name: "the kernel preempts itself", weight: 2, run: fullPreemption },
  { name: "the clock jumps", weight: 2, run: clockJumps },
  { name: "readers of events that stand still", weight: 1, run: stalledReaders },
];

/** The second sensor must exit by itself, with an error, and leave the first one alone. */
async function secondSensor({ violation, sensor }: Field): Promise<void> {
  const { status } = await runProgram(["gander", "run", "--state-dir", directories.state], 200_000);
  if (status !== 1) violation(`a second sensor ended with ${status}`);
  if (sensor.running !== 1) violation("a second sensor ended the first one");
}

async function outOfMemory({ sensor, random }: Field): Promise<void> {
  const limit = `${directories.cgroup}/memory.max`;
  const before = killedForMemory();
  writeFileSync(limit, `${random.between(4, 32) << 20}`);
  await until(() => sensor.running === 0, random.between(2000, 6000));
  writeFileSync(limit, "max");
  // The process that the kernel has chosen dies, even if that takes longer.
  if (killedForMemory() > before) await until(() => sensor.running === 0, 120_000);
  if (sensor.running === 0) sensor.launch();
  await sensor.becomesReady();
}

/** How many processes of the sensor's cgroup the kernel has killed for lack of memory. */
function killedForMemory(): number {
  const events = readFileSync(`${directories.cgroup}/memory.events`, "utf8");
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1]);
}

async function withoutRoom(directory: string, during: () => Promise<void>): Promise<void> {
  const filler = `${directory}/filler`;
  await runProgram(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"]);
  await runProgram(["sh", "-c", `cat /dev/zero >> ${filler}`]);
  try {
    await during();
  } finally {
    rmSync(filler);
  }
}

/** Adds, changes and deletes other policies; a refusal of one of them does no harm. */
async function changeOthers({ sensor, random }: Field, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await sensor
      .ask((client) => client.add(otherPolicy(`siege-other-${i}`, random)))
      .catch(() => {});
    await sensor.ask((client) => client.delete(`siege-other-${i}`)).catch(() => {});
  }
}

/** Damages both files in half of the cases: then policies added over the socket are lost. */
async function damagedManifest({ sensor, random, step }: Field): Promise<void> {
  await sensor.end("SIGKILL");
  const found = await runProgram(["find", directories.state, "-type", "f", "-name", "*manifest*"]);
  for (const path of found.output.split("\n").filter((line) => line !== "")) {
    if (path.endsWith(".previous") && random.chance(0.5)) continue;
    const bytes = readFileSync(path);
    const at = random.below(bytes.length);
    if (random.chance(0.5)) writeFileSync(path, bytes.subarray(0, at));
    else writeFileSync(path, bytes.fill(0, at, at + 40));
  }
  sensor.launch();
  await sensor.recover(step * 10);
}

async function otherPins({ sensor }: Field): Promise<void> {
  const at = "/sys/fs/bpf/siege";
  mkdirSync(at, { recursive: true });
  await runProgram(["sh", "-c", `cd ${at} && seq 3000 | xargs mkdir`]);
  const map = "type hash key 4 value 4 entries 1 name siege";
  await runProgram([
    ...["sh", "-c"],
    `for i in 1 2 3 4 5; do bpftool map create ${at}/map-$i ${map}; done`,
  ]);
  await sensor.end("SIGKILL");
  sensor.launch();
  await sensor.becomesReady();
  await runProgram(["rm", "-rf", at]);
}

/** The kernel can then interrupt our programs anywhere and run others on the same CPU meanwhile. */
async function fullPreemption({ random }: Field): Promise<void> {
  const mode = "/sys/kernel/debug/sched/preempt";
  const before = /\((\w+)\)/.exec(readFileSync(mode, "utf8"))?.[1] ?? "voluntary";
  writeFileSync(mode, "full");
  await sleep(random.between(2000, 8000));
  writeFileSync(mode, before);
}

/** The clock jumps back and forth by hours and days; at the end it is right again. */
async function clockJumps({ sensor, random }: Field): Promise<void> {
  const before = Date.now() - performance.now();
  for (let times = random.between(1, 4); times > 0; times--) {
    const hours = random.pick([-30 * 24, -25, -1, 1, 25, 400 * 24]);
    await runProgram([
      "date",
      "-s",
      `@${Math.round((before + performance.now()) / 1000) + hours * 3600}`,
    ]);
    await sleep(random.between(200, 3000));
  }
  if (random.chance(0.3)) {
    await sensor.end("SIGKILL");
    sensor.launch();
    await sensor.becomesReady();
  }
  await runProgram(["date", "-s", `@${Math.round((before + performance.now()) / 1000)}`]);
  await sensor.becomesReady();
}

async function stalledReaders({ random }: Field): Promise<void> {
  const readers = [1, 2, 3].map(() =>
    spawn("gander", ["events", "-o", "json"], { stdio: ["ignore", "pipe", "ignore"] }),
  );
  const ends = readers.map((reader) => new Promise((done) => reader.once("exit", done)));
  // Their output is not read.
  await sleep(random.between(4000, 9000));
  for (const reader of readers) reader.kill("SIGSTOP");
  await sleep(random.between(1000, 5000));
  for (const reader of readers) reader.kill("SIGKILL");
  await Promise.all(ends);
}
