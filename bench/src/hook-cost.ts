// SPDX-License-Identifier: Apache-2.0
import { type EmptyKind, loadEmptyPrograms } from "./empty-programs.ts";
import type { Figure } from "./figure.ts";
import { type Call, type Extent, quiet, timeCall } from "./load.ts";
import type { PhaseOptions } from "./phase.ts";
import { Samples } from "./samples.ts";
import { openSensorKernel, type SensorKernel } from "./sensor-kernel.ts";

/** Policies in force, and the calls whose added cost is measured. */
export type Scenario = {
  /** `file.number.100.fentry`; with several calls each adds its name. */
  readonly id: string;
  readonly what: string;
  readonly policies: readonly string[];
  /** How the policies must be attached, or the figure measures something else. */
  readonly attached: RegExp;
  readonly calls: readonly Call[];
  /** No policy applies to the caller. */
  readonly exempt?: boolean;
  /** Records are written: at most as many calls as the ring holds. */
  readonly extent?: Extent;
  readonly bar?: number;
};

export type HookCostOptions = {
  readonly scenarios: readonly Scenario[];
  /** Empty programs for comparison: their targets, and the calls that are measured. */
  readonly empty: readonly {
    readonly kind: EmptyKind;
    readonly target: string;
    readonly calls: readonly Call[];
  }[];
  readonly extents: Partial<Record<Call, Extent>>;
  readonly file?: string;
};

/**
 * In each round, all calls are measured with nothing attached, with an empty program, and under
 * each scenario; the figure is the difference from nothing attached in the same round.
 */
export async function measureHookCost(
  { scenarios, empty, extents, file }: HookCostOptions,
  { rounds, log }: PhaseOptions,
): Promise<Figure[]> {
  await using sensor = await openSensorKernel();
  using programs = loadEmptyPrograms(empty);
  const samples = new Samples();
  const time = (call: Call, extent?: Extent) =>
    timeCall(call, extent ?? extents[call] ?? { batches: 41, size: 50 }, file);
  for (let round = 0; round < rounds; round++) {
    log(`round ${round + 1} of ${rounds}`);
    await sensor.detachAll();
    await quiet();
    const bare = new Map<Call, number>();
    const calls = new Set([...scenarios, ...empty].flatMap((one) => one.calls));
    for (const call of calls) bare.set(call, time(call));
    for (const [call, value] of bare)
      samples.add(`${call}.bare`, value, {
        what: `${call}, nothing attached`,
        unit: "instructions",
      });
    const note = (id: string, call: Call, value: number, what: string, bar?: number) =>
      samples.add(id, value - (bare.get(call) ?? Number.NaN), {
        what,
        unit: "instructions",
        ...(bar === undefined ? {} : { bar }),
      });
    for (const { kind, target, calls: own } of empty) {
      const link = programs.attach(kind);
      await quiet();
      for (const call of own)
        note(
          `${call}.empty.${kind}`,
          call,
          time(call),
          `+ empty ${kind} program on ${target}, ${call}`,
        );
      await link.closeAsync();
    }
    for (const scenario of scenarios) {
      await prepare(sensor, scenario);
      for (const call of scenario.calls)
        note(
          `${scenario.id}.${call}`,
          call,
          time(call, scenario.extent),
          `+ ${scenario.what}, ${call}`,
          scenario.bar,
        );
      if (scenario.exempt) sensor.exempt("nobody");
      sensor.drain();
    }
  }
  return samples.figures();
}

async function prepare(sensor: SensorKernel, scenario: Scenario): Promise<void> {
  await sensor.use(scenario.policies);
  const attached = sensor.attachments().join(", ");
  if (!scenario.attached.test(attached))
    throw new Error(`${scenario.id} should be measured on ${scenario.attached}, not: ${attached}`);
  if (scenario.exempt) sensor.exempt("this cgroup");
  await quiet();
}
