// SPDX-License-Identifier: Apache-2.0
import { type Extent, quiet, timeCall } from "../load.ts";
import { type Phase, scaledExtent } from "../phase.ts";
import { Samples } from "../samples.ts";
import { openSensorKernel } from "../sensor-kernel.ts";

/** The added cost of a process from vfork to wait, without any policy, in the kernel. */
export const exec: Phase = {
  name: "exec",
  title: "instructions added to a process that starts and ends, no policy",
  async measure(options) {
    const samples = new Samples();
    const extent = scaledExtent(options, { batches: 41, size: 5 });
    const without = async () => {
      await quiet();
      return timeCall("exec", extent);
    };
    let before = await without();
    for (let round = 0; round < options.rounds; round++) {
      options.log(`round ${round + 1} of ${options.rounds}`);
      const watched = await withPrograms(extent);
      const after = await without();
      samples.add("exec.bare", after, {
        what: "vfork, exec, exit, wait: without Gander",
        unit: "instructions",
      });
      // Drift meanwhile affects both sides.
      samples.add("exec.added", watched - (before + after) / 2, {
        what: "+ lifecycle programs, records written",
        unit: "instructions",
        bar: 12_000,
      });
      before = after;
    }
    return samples.figures();
  },
};

async function withPrograms(extent: Extent): Promise<number> {
  await using sensor = await openSensorKernel();
  await quiet();
  const cost = timeCall("exec", extent);
  sensor.drain();
  return cost;
}
