// SPDX-License-Identifier: Apache-2.0
import { constants } from "node:os";

/** What an enforcer is told to do to a call; 0 for no error, or no signal. */
export function markText({
  error,
  signal,
}: {
  readonly error: number;
  readonly signal: number;
}): readonly string[] {
  return [
    ...(error === 0 ? [] : [`error ${errorName(error)}`]),
    ...(signal === 0 ? [] : [`signal ${signalName(signal)}`]),
  ];
}

/** Of what a call returns, which is negative. */
export function errorName(error: number): string {
  const name = nameOf(constants.errno, -error);
  return name === undefined ? `${error}` : `${error} (${name})`;
}

export function signalName(signal: number): string {
  const name = nameOf(constants.signals, signal);
  return name === undefined ? `${signal}` : `${signal} (${name})`;
}

const nameOf = (table: Readonly<Record<string, number>>, number: number): string | undefined =>
  Object.entries(table).find(([, value]) => value === number)?.[0];
