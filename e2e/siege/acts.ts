// SPDX-License-Identifier: Apache-2.0
import { attackProgram, describeResult, UNSUPPORTED } from "../tests/lib/attack.ts";
import type { Deed, Outcome } from "./deeds.ts";
import { runProgram } from "./lib/run-program.ts";
import type { Listeners } from "./listeners.ts";
import { type Act, describeAct, type Step } from "./plan.ts";
import { countRow, type Tally } from "./tally.ts";
import { type Who, whos } from "./who.ts";
import { openZones, trustedProgram, type Zone } from "./zones.ts";

/** The deeds that this kernel allows without guards, as root and as a user. */
export type Possible = ReadonlySet<string>;

export interface ActContext {
  readonly listeners: Listeners;
  readonly possible: Possible;
  readonly tally: Tally;
  readonly violation: (what: string) => void;
  readonly log: (line: string) => void;
}

/** A socket of one family cannot reach an address of the other. */
const familyOf = (zone: Zone) => (zone.at.includes(":") ? "IPv6" : "IPv4");
const keyOf = (deed: Deed, who: Who, zone: Zone) =>
  `${deed.name} ${who.isRoot ? "root" : "user"} ${familyOf(zone)}`;

/** Does the acts of a step once, `step.width` at a time; acts that must run alone run after the others. */
export async function runActs(step: Step, round: number, context: ActContext): Promise<void> {
  const acts = step.acts.map((act, index) => ({ act, id: `s${step.number}a${index}r${round}.` }));
  const runOne = async ({ act, id }: (typeof acts)[number]) => {
    const isPossible = context.possible.has(keyOf(act.deed, act.who, act.zone));
    if (act.side === "innocent" && !isPossible) return;
    const started = performance.now();
    const outcome = await doAct(act, id, context.listeners).catch((error: unknown) => {
      context.violation(`${describeAct(act)}: nobody can tell what came of it (${error})`);
    });
    if (outcome === undefined) return;
    const ms = Math.round(performance.now() - started);
    context.log(`  ${id} ${describeAct(act)}: ${describeResult(outcome.result)}, ${ms} ms`);
    judge(act, outcome, context);
  };
  await pool(
    acts.filter(({ act }) => act.deed.alone !== true),
    step.width,
    runOne,
  );
  await pool(
    acts.filter(({ act }) => act.deed.alone === true),
    1,
    runOne,
  );
}

function judge(act: Act, { done, result }: Outcome, { tally, violation }: ActContext): void {
  countRow(tally, `${act.side}: ${act.deed.name}`);
  const isAttack = act.side === "attack";
  // A deed that the kernel itself lacks was not refused: a policy gives EPERM or kills.
  if (!done && result.status === UNSUPPORTED) tally.notPossible++;
  else if (done === isAttack)
    violation(
      `${describeAct(act)}: ${done ? "it was done" : "it was not done"} (${describeResult(result)})`,
    );
  else if (!isAttack) tally.innocentDone++;
  else tally.attacksRefused++;
}

function doAct(act: Act, id: string, listeners: Listeners): Promise<Outcome> {
  const program = act.isTrusted ? trustedProgram : attackProgram;
  return act.deed.run(act.zone.at, {
    ...{ listeners, id, isForbidden: act.side === "attack" },
    attack: (...argv) => runProgram([...act.who.prefix, program, ...argv]),
  });
}

/** Tries the innocent deeds without guards: a later failure of a deed that fails here proves nothing. */
export async function rehearse(wanted: readonly Act[], listeners: Listeners): Promise<Possible> {
  const possible = new Set<string>();
  const acts = new Map<string, Act>();
  for (const { deed, who, zone: wantedZone } of wanted) {
    const zone: Zone | undefined =
      deed.kind === "ownAddress"
        ? undefined
        : openZones[deed.kind].find((one) => familyOf(one) === familyOf(wantedZone));
    const same = whos.find((one) => one.name === (who.isRoot ? "root" : "user"));
    if (zone === undefined || same === undefined) continue;
    acts.set(keyOf(deed, who, zone), { side: "innocent", deed, zone, who: same, isTrusted: false });
  }
  let number = 0;
  const tryOne = async ([key, act]: [string, Act]) => {
    const { done } = await doAct(act, `rehearsal${number++}.`, listeners);
    if (done) possible.add(key);
  };
  const all = [...acts];
  await pool(
    all.filter(([, act]) => act.deed.alone !== true),
    6,
    tryOne,
  );
  await pool(
    all.filter(([, act]) => act.deed.alone === true),
    1,
    tryOne,
  );
  return possible;
}

async function pool<T>(
  list: readonly T[],
  width: number,
  work: (one: T) => Promise<void>,
): Promise<void> {
  const waiting = [...list];
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
