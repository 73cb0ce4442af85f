// SPDX-License-Identifier: Apache-2.0
import type { Guest } from "./guest.ts";

/** The counts of e2e/attacks/loop.c. */
export type Tally = {
  readonly attempts: number;
  readonly killed: number;
  readonly refused: number;
  readonly succeeded: number;
  readonly first_success: number;
};

export type GuestAttack = {
  tally(): Promise<Tally>;
  /** @returns the counts of all attempts. */
  stop(): Promise<Tally>;
};

let started = 0;

/** Repeats a forbidden action until it is stopped. Resolves when it has started. */
export async function startAttack(
  guest: Guest,
  ...words: readonly [command: "loop-write" | "loop-connect", ...args: string[]]
): Promise<GuestAttack> {
  const [command, ...args] = words;
  const file = `/run/gander-attack-${++started}`;
  await guest.bash(`
    mkfifo ${file}.in
    /gander/e2e/attacks/build/attack ${command} 3600 1 ${args.join(" ")} > ${file} < ${file}.in 2>&1 &
    echo $! > ${file}.pid
    setsid sleep 3600 > ${file}.in < /dev/null 2>&1 & echo $! > ${file}.holder
    until [[ -s ${file} ]]; do sleep 0.1; done`);
  const tally = async (): Promise<Tally> => {
    const text = await guest.bash(`cat ${file}`);
    return JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
  };
  return {
    tally,
    async stop() {
      await guest.bash(
        `kill $(cat ${file}.holder); while [[ -e /proc/$(cat ${file}.pid) ]]; do sleep 0.1; done`,
      );
      return tally();
    },
  };
}
