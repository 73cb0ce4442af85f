// SPDX-License-Identifier: Apache-2.0
// The plan of a step: a pure function of the seed and the step's number.
import type { Deed } from "./deeds.ts";
import { type Random, randomOf } from "./random.ts";
import { innocentWhos, type Who } from "./who.ts";
import { forbiddenZones, openZones, trustedZones, type Zone } from "./zones.ts";

/** A possible part of a step; rows of issue 7 that are not repaired yet are left out. */
export interface Weighted {
  readonly name: string;
  readonly weight: number;
}

export interface Menu {
  readonly deeds: readonly Deed[];
  readonly attackers: readonly Who[];
  readonly events: readonly Weighted[];
  readonly loads: readonly Weighted[];
}

export interface Act {
  readonly side: "attack" | "innocent";
  readonly deed: Deed;
  readonly zone: Zone;
  readonly who: Who;
  /** Done by the program that policies trust. */
  readonly isTrusted: boolean;
}

export interface Step {
  readonly number: number;
  /** Event that affects the sensor, its files or its policies. */
  readonly event: string;
  /** Load beside the event. */
  readonly load: string;
  readonly acts: readonly Act[];
  /** How many acts run at a time. */
  readonly width: number;
}

export function planStep(seed: number, number: number, menu: Menu): Step {
  const random = randomOf(seed, number);
  const event = weighted(random, menu.events).name;
  const load = weighted(random, menu.loads).name;
  const width = random.pick([1, 2, 4, 8]);
  const count = random.between(8, 20);
  const acts = Array.from({ length: count }, () =>
    random.chance(0.6) ? planAttack(random, menu) : planInnocent(random, menu.deeds),
  );
  return { number, event, load, width, acts };
}

/** For choices of the event and the load themselves. */
export const randomOfStep = (seed: number, number: number): Random => randomOf(seed, number, 1);

export const describeAct = ({ side, deed, zone, who, isTrusted }: Act): string =>
  `${side === "attack" ? "attack" : "innocent"}: ${deed.name} at ${zone.name} as ${who.name}${isTrusted ? ", by the trusted program" : ""}`;

function planAttack(random: Random, { deeds, attackers }: Menu): Act {
  const kind = random.pick(["file", "file", "entry", "connection", "connection", "program"]);
  const isPossible = (deed: Deed) =>
    (deed.kind === "ownAddress" ? "connection" : deed.kind) === kind && deed.outOfReach !== true;
  const deed = random.pick(deeds.filter(isPossible));
  const zone = random.pick<Zone>(forbiddenZones[deed.kind]);
  return { side: "attack", deed, zone, who: random.pick(attackers), isTrusted: false };
}

function planInnocent(random: Random, deeds: readonly Deed[]): Act {
  const kind = random.pick([
    "file",
    "file",
    "entry",
    "connection",
    "connection",
    "program",
  ] as const);
  const isTrusted = (kind === "file" || kind === "connection") && random.chance(0.3);
  const isPossible = (deed: Deed) =>
    deed.kind === kind && deed.isRace !== true && !(isTrusted && deed.outOfReach === true);
  const deed = random.pick(deeds.filter(isPossible));
  const zones: readonly Zone[] =
    isTrusted && (kind === "file" || kind === "connection") ? trustedZones[kind] : openZones[kind];
  return {
    side: "innocent",
    deed,
    zone: random.pick(zones),
    who: random.pick(innocentWhos),
    isTrusted,
  };
}

function weighted<T extends Weighted>(random: Random, list: readonly T[]): T {
  let at = random.below(list.reduce((sum, { weight }) => sum + weight, 0));
  for (const one of list) {
    at -= one.weight;
    if (at < 0) return one;
  }
  throw new Error("Nothing to choose from");
}
