// SPDX-License-Identifier: Apache-2.0
import { type AttackResult, attack } from "./attack.ts";
import { ownAddress } from "./outside.ts";

/** A race that changes what an unspecified address becomes after its check (e2e/attacks/connect-races.c). */
export interface ConnectRace {
  readonly way: string;
  readonly any: string;
  /** An allowed address of this machine: the socket has it or is bound to it. */
  readonly own: string;
  /** The forbidden address that the race tries to reach. */
  readonly forbidden: string;
}

const loopback = "127.0.0.1";
/** No machine has it, so connections to it take long. */
const nobody = "10.99.0.77";
const device = "inside0";

const race = (way: string, part: Partial<ConnectRace> = {}): ConnectRace => ({
  ...{ way, any: "0.0.0.0", own: ownAddress, forbidden: loopback },
  ...part,
});

export const connectRaces: readonly ConnectRace[] = [
  ...["let-go", "let-go-fastopen", "device", "device-fastopen"].map((way) => race(way)),
  race("let-go", { any: "::ffff:0.0.0.0" }),
  race("device", { any: "::ffff:0.0.0.0" }),
  race("bind", { forbidden: ownAddress }),
  race("bind-fastopen", { forbidden: ownAddress }),
  race("bind", { any: "::", own: `::ffff:${ownAddress}` }),
  race("bind-fastopen", { any: "::", own: `::ffff:${ownAddress}` }),
];

export function describeRace({ way, any, forbidden }: ConnectRace): string {
  return `${way}, ${any} becomes ${forbidden}`;
}

/** @param tries number of connections; a killed process is replaced. */
export function runRace({ way, any, own }: ConnectRace, port: number, tries: number): AttackResult {
  const elsewhere = any.includes(":") ? `::ffff:${nobody}` : nobody;
  return attack("connect-race", way, `${tries}`, any, `${port}`, own, elsewhere, device, "text");
}
