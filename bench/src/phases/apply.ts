// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Phase } from "../phase.ts";
import { filePolicy, functionPolicy, WRITE } from "../policy-texts.ts";
import { RealSensor } from "../real-sensor.ts";
import { repository } from "../repository.ts";
import { Samples } from "../samples.ts";

/** A new sensor in each round, so that its program is cold each time, as for its users. */
export const apply: Phase = {
  name: "apply",
  title:
    "CPU of `gander run` until it is ready, and for a policy file that is put into its directory",
  async measure({ rounds, log }) {
    const samples = new Samples();
    for (let round = 0; round < rounds; round++) {
      log(`round ${round + 1} of ${rounds}`);
      {
        await using seeded = await RealSensor.start(seedPolicies());
        samples.add("start.seeds", seeded.cpuNs(), {
          what: "start until ready, with the three policies of policies/examples",
          unit: "instructions",
        });
      }
      await using sensor = await RealSensor.start();
      samples.add("start", sensor.cpuNs(), {
        what: "start until ready",
        unit: "instructions",
        bar: 3e9,
      });
      for (const { id, what, name, text, bar } of steps) {
        await sleep(calmMs);
        const { cpuNs, elapsedNs } = await sensor.apply(name, text);
        samples.add(id, cpuNs, { what, unit: "instructions", bar });
        samples.add(`${id}.elapsed`, elapsedNs, { what: `… from rename to log line`, unit: "ns" });
      }
    }
    return samples.figures();
  },
};

/** The sensor's own work after a start, and for some time after a change, does not count for the change. */
const calmMs = 5_000;

const filePermission = filePolicy(WRITE, (variant) => `/nowhere/${variant}/`);
const fileOpen = functionPolicy("security_file_open");

const steps = [
  {
    id: "apply.first",
    what: "the first policy of all: new hook, program loaded",
    name: "first",
    text: filePermission("first", 0),
    bar: 300e6,
  },
  {
    id: "apply.known",
    what: "a further policy on the same hook",
    name: "known",
    text: filePermission("known", 1),
    bar: 20e6,
  },
  {
    id: "apply.new",
    what: "a policy on another new hook",
    name: "new",
    text: fileOpen("new", 2),
    bar: 300e6,
  },
  {
    id: "apply.replaced",
    what: "that policy replaced by other values",
    name: "new",
    text: fileOpen("new", 3),
    bar: 20e6,
  },
  {
    id: "apply.enforcing",
    what: "a policy that enforces, on a new LSM hook",
    name: "enforcing",
    text: filePolicy(WRITE, (variant) => `/nowhere/${variant}/`, "Sigkill")("enforcing", 4),
    bar: 300e6,
  },
] as const;

function seedPolicies(): Record<string, string> {
  const folder = join(repository, "policies/examples");
  return Object.fromEntries(
    readdirSync(folder).map((name) => [
      name.replace(".yaml", ""),
      readFileSync(join(folder, name), "utf8"),
    ]),
  );
}
