// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runLoad } from "../load.ts";
import { type Phase, scaled } from "../phase.ts";
import { filePolicy, WRITE } from "../policy-texts.ts";
import { RealSensor } from "../real-sensor.ts";
import { Samples } from "../samples.ts";

/** The running sensor's cost for a line of its export file. */
export const throughput: Phase = {
  name: "throughput",
  title: "CPU of `gander run` for its JSON file, in user space and kernel",
  async measure(options) {
    mkdirSync("/tmp/bench", { recursive: true });
    await using sensor = await RealSensor.start({
      bench: filePolicy(WRITE, () => "/tmp/bench/")("bench", 0),
    });
    const samples = new Samples();
    await sleep(3000);
    const idle = sensor.cpuNs();
    await sleep(5000);
    samples.add("throughput.idle", (sensor.cpuNs() - idle) / 5, {
      what: "sensor CPU per second while nothing happens",
      unit: "instructions",
    });
    const loads = {
      writes: () => runLoad("writes", "/tmp/bench/a-file", scaled(options, 20_000, 500), 10_000),
      execs: () => runLoad("execs", scaled(options, 3_000, 50), 2),
    };
    // The program also warms up in the first round, which is reported separately.
    for (let round = 0; round <= options.rounds; round++) {
      options.log(`round ${round} of ${options.rounds}`);
      for (const [name, load] of Object.entries(loads)) {
        await sensor.settledLines();
        sensor.emptyExport();
        const before = sensor.cpuNs();
        load();
        const { events, marked } = await sensor.settledLines();
        const perLine = (sensor.cpuNs() - before) / events;
        if (marked > 0) options.log(`${marked} events were lost`);
        const when = round === 0 ? "cold" : "warm";
        samples.add(`throughput.${name}.${when}`, perLine, {
          what: `sensor CPU per line of ${name}${round === 0 ? ", first round" : ""}`,
          unit: "instructions",
          ...(round === 0 ? {} : { bar: 15_000 }),
        });
        if (round === 0) continue;
        samples.add(`throughput.${name}.rate`, 1e9 / perLine, {
          what: `lines of ${name} per 10⁹ instructions of sensor CPU`,
          unit: "events",
        });
      }
    }
    return samples.figures();
  },
};
