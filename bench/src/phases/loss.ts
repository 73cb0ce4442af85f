// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from "node:fs";
import { runLoad } from "../load.ts";
import { type Phase, scaled } from "../phase.ts";
import { filePolicy, WRITE } from "../policy-texts.ts";
import { RealSensor } from "../real-sensor.ts";
import { Samples } from "../samples.ts";

/** Matching writes at a high rate, and as fast as a program can write. */
const rates = [
  { id: "loss.30000", what: "30,000 matching writes a second", rate: 30_000, count: 60_000 },
  { id: "loss.highest", what: "writes without pause", rate: 0, count: 60_000 },
];

export const loss: Phase = {
  name: "loss",
  title: "events of matching writes that do not arrive in the JSON file, default settings",
  async measure(options) {
    mkdirSync("/tmp/bench", { recursive: true });
    await using sensor = await RealSensor.start({
      bench: filePolicy(WRITE, () => "/tmp/bench/")("bench", 0),
    });
    const samples = new Samples();
    for (let round = 0; round < options.rounds; round++) {
      options.log(`round ${round + 1} of ${options.rounds}`);
      for (const { id, what, rate, count } of rates) {
        const writes = scaled(options, count, 1000);
        await sensor.settledLines();
        const before = sensor.counts("bench");
        // The command that reads the counters is a process with events of its own.
        await sensor.settledLines();
        sensor.emptyExport();
        const [elapsedNs = Number.NaN] = runLoad("writes", "/tmp/bench/a-file", writes, rate);
        const { events, marked } = await sensor.settledLines();
        const after = sensor.counts("bench");
        const matched = after.matched - before.matched;
        const lost = after.lost - before.lost;
        if (matched !== writes) throw new Error(`${matched} of ${writes} writes matched`);
        const own = events - lifecycleLines;
        samples.add(`${id}.rate`, (writes / elapsedNs) * 1e9, {
          what: `${what}: writes done`,
          unit: "per second",
        });
        samples.add(`${id}.lost`, lost, { what: `… lost, of ${writes}`, unit: "events" });
        samples.add(`${id}.silent`, Math.max(0, writes - own - marked), {
          what: "… neither a line nor counted in a mark of the file",
          unit: "events",
          bar: 0,
        });
      }
    }
    return samples.figures();
  },
};

/** exec and exit of the load itself. */
const lifecycleLines = 2;
