// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startLoad } from "../load.ts";
import { type Phase, scaled } from "../phase.ts";
import { filePolicy, WRITE } from "../policy-texts.ts";
import { RealSensor } from "../real-sensor.ts";
import { repository } from "../repository.ts";
import { Samples } from "../samples.ts";

const folder = "/tmp/bench-latency";
const load = join(repository, "bench/build/load");
const intervalUs = 7_000;

/** From a write to the line that reports it, while processes start as fast as they can. */
export const latency: Phase = {
  name: "latency",
  title: "time from a matching write to its line, while another process execs without pause",
  async measure(options) {
    mkdirSync(folder, { recursive: true });
    await using sensor = await RealSensor.start({
      bench: filePolicy(WRITE, () => folder)("bench", 0),
    });
    const gander = `${process.execPath} ${join(repository, "dist/gander.mjs")}`;
    const readers = [
      {
        id: "file",
        what: "line in the export file",
        lines: `tail -n 0 -F ${sensor.exportFile}`,
        bars: [20e6, 100e6],
      },
      {
        id: "live",
        what: "line of `gander events`",
        lines: `${gander} events --policy-names bench`,
        bars: [1e6, 10e6],
      },
    ] as const;
    const samples = new Samples();
    for (let round = 0; round < options.rounds; round++) {
      options.log(`round ${round + 1} of ${options.rounds}`);
      for (const { id, what, lines, bars } of readers) {
        const [p50, p99, longest, missing] = await measureOnce(lines, scaled(options, 200, 20));
        const add = (name: string, value: number | undefined, bar?: number) =>
          samples.add(`latency.${id}.${name}`, value ?? Number.NaN, {
            what: `${what}, ${name}`,
            unit: name === "missing" ? "events" : "ns",
            ...(bar === undefined ? {} : { bar }),
          });
        add("p50", p50, bars[0]);
        add("p99", p99, bars[1]);
        add("longest", longest);
        add("missing", missing, 0);
      }
    }
    return samples.figures();
  },
};

/** p50, p99, longest, missing. `lines` is a shell command that prints lines of events. */
async function measureOnce(lines: string, count: number): Promise<number[]> {
  // A reader needs some time before it reads; the guest's clock runs fast while it idles.
  const script = `${lines} | { sleep 8; echo ready >&2; ${load} latency ${folder} ${count} ${intervalUs}; }`;
  const shell = spawn("bash", ["-c", script], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  shell.stdout.setEncoding("utf8");
  await new Promise((resolve) => shell.stderr.once("data", resolve));
  const storm = startLoad("execs", [1_000_000_000, 1]);
  try {
    for await (const text of shell.stdout) {
      output += text;
      // The program that prints the lines never ends.
      if (output.endsWith("\n")) break;
    }
  } finally {
    storm.process.kill("SIGTERM");
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGTERM");
    await storm.ended;
  }
  return output.trim().split(" ").map(Number);
}
