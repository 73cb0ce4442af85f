// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runLoad } from "../load.ts";
import { type Phase, type PhaseOptions, scaled } from "../phase.ts";
import { pinnedMemoryBytes } from "../pinned-memory.ts";
import { filePolicy, READ, variants, WRITE } from "../policy-texts.ts";
import { RealSensor } from "../real-sensor.ts";
import { Samples } from "../samples.ts";
import { openSensorKernel } from "../sensor-kernel.ts";

const mebibyte = 1 << 20;

export const memory: Phase = {
  name: "memory",
  title: "memory of `gander run` and of the kernel",
  async measure(options) {
    mkdirSync("/tmp/bench", { recursive: true });
    const samples = new Samples();
    await measureSensor(options, samples);
    await measurePolicies(options, samples);
    return samples.figures();
  },
};

async function measureSensor(options: PhaseOptions, samples: Samples): Promise<void> {
  await using sensor = await RealSensor.start();
  for (const [part, bytes] of Object.entries(pinnedMemoryBytes("/sys/fs/bpf/gander")))
    samples.add(`memory.kernel.${part}`, bytes, {
      what: `kernel memory: ${part}, no policy`,
      unit: "bytes",
      ...(part === "total" ? { bar: 16 * mebibyte } : {}),
    });
  await sensor.apply("bench", filePolicy(WRITE, () => "/tmp/bench/")("bench", 0));
  for (let round = 0; round < options.rounds; round++) {
    await sleep(2000);
    samples.add(round === 0 ? "memory.rss.idle" : "memory.rss.after", sensor.memoryBytes("VmRSS"), {
      what: round === 0 ? "sensor RSS, idle" : "sensor RSS, two seconds after a round of churn",
      unit: "bytes",
      ...(round === 0 ? { bar: 90 * mebibyte } : {}),
    });
    options.log(`round ${round + 1} of ${options.rounds}`);
    runLoad("execs", scaled(options, 4_000, 50), 4);
    runLoad("writes", "/tmp/bench/a-file", scaled(options, 20_000, 100), 10_000);
    await sensor.settledLines();
    sensor.emptyExport();
  }
  samples.add("memory.rss.churn", sensor.memoryBytes("VmHWM"), {
    what: "sensor RSS, highest under churn",
    unit: "bytes",
    bar: 128 * mebibyte,
  });
}

/** On hooks that other policies already use. */
async function measurePolicies(options: PhaseOptions, samples: Samples): Promise<void> {
  await using sensor = await openSensorKernel();
  const text = filePolicy(READ, (variant) => `/nowhere/${variant}/`);
  const used = () => {
    const { maps, hookPrograms } = sensor.kernel.memory();
    return Object.values(maps).reduce((sum, bytes) => sum + bytes, hookPrograms);
  };
  const more = scaled(options, 100, 2);
  for (let round = 0; round < options.rounds; round++) {
    await sensor.use(variants(text, 1));
    const before = used();
    await sensor.use(variants(text, 1 + more));
    samples.add("memory.kernel.policy", (used() - before) / more, {
      what: "kernel memory of a further policy on known hooks, a prefix each",
      unit: "bytes",
      bar: 4096,
    });
  }
}
