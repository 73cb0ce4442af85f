// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { type Call, type Extent, quiet, timeCall } from "../load.ts";
import { type Phase, type PhaseOptions, scaled, scaledExtent } from "../phase.ts";
import { type FilterPolicy, filterPolicies, variants } from "../policy-texts.ts";
import { Samples } from "../samples.ts";
import { openSensorKernel, type SensorKernel } from "../sensor-kernel.ts";

/** A thousand policies on one hook, for each kind of filter: no call fits any of them. One round takes long enough. */
export const many: Phase = {
  name: "many",
  title: "1,000 policies on one hook that each filter alike: a call, and putting them in force",
  async measure(options) {
    mkdirSync("/tmp/bench", { recursive: true });
    writeFileSync(file, "x");
    await using sensor = await openSensorKernel();
    const samples = new Samples();
    for (const [kind, filter] of Object.entries(filterPolicies)) {
      await measureKind(sensor, { kind, filter, samples }, options);
    }
    return samples.figures();
  },
};

const file = "/tmp/bench/a-file";

type Kind = {
  readonly kind: string;
  readonly filter: FilterPolicy;
  readonly samples: Samples;
};

async function measureKind(
  sensor: SensorKernel,
  { kind, filter, samples }: Kind,
  options: PhaseOptions,
): Promise<void> {
  const { call, text } = filter;
  const count = scaled(options, 1000, 10);
  options.log(`${kind}: ${count}`);
  const extent = scaledExtent(options, extents[call] ?? { batches: 21, size: 20 });
  const all = variants(text, count);
  const note = (id: string, what: string, value: number) =>
    samples.add(`many.${kind}.${id}`, value, { what: `${kind}: ${what}`, unit: "instructions" });
  await sensor.detachAll();
  await quiet();
  const bare = timeCall(call, extent, file);
  const callCost = async () => {
    await quiet();
    return timeCall(call, extent, file) - bare;
  };
  note(
    "add.1",
    "the first policy put in force, CPU",
    await cpuNs(() => sensor.add(all.slice(0, 1))),
  );
  note("call.1", `a call (${call}) that 1 policy does not match`, await callCost());
  note("add.2", "the second", await cpuNs(() => sensor.add(all.slice(1, 2))));
  try {
    const others = await cpuNs(() => sensor.add(all.slice(2, -1)));
    note("add.batch", `${count - 3} policies put in force together, each`, others / (count - 3));
  } catch (error) {
    options.log(`${kind}: ${error instanceof Error ? error.message.slice(0, 400) : error}`);
    return;
  }
  note("add.all", `the last of ${count}`, await cpuNs(() => sensor.add(all.slice(-1))));
  note(`call.all`, `a call that ${count} do not match`, await callCost());
  const last = `bench-${count - 1}`;
  note("replace", "it gets another value", await cpuNs(() => sensor.add([text(last, count)])));
  note("remove", "it is removed", await cpuNs(() => sensor.remove(last)));
  sensor.drain();
}

const extents: Partial<Record<Call, Extent>> = { "connect-tcp": { batches: 11, size: 20 } };

/** CPU of this process while `work` is done. */
async function cpuNs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return 1000 * (user + system);
}
