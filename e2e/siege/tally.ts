// SPDX-License-Identifier: Apache-2.0

export interface Violation {
  readonly step: number;
  readonly what: string;
}

/** The counts and findings of a siege so far. */
export interface Tally {
  step: number;
  attacksRefused: number;
  /** Ways that this kernel does not have. */
  notPossible: number;
  innocentDone: number;
  faults: number;
  changes: number;
  quietPoints: number;
  /** Forbidden attempts of the permanent loops. */
  loopAttempts: number;
  maxMemoryMb: number;
  readonly violations: Violation[];
  /** How often each row occurred. */
  readonly rows: Map<string, number>;
}

export const newTally = (): Tally => ({
  ...{ step: 0, attacksRefused: 0, notPossible: 0, innocentDone: 0, faults: 0, changes: 0 },
  ...{ quietPoints: 0, loopAttempts: 0, maxMemoryMb: 0, violations: [], rows: new Map() },
});

export function countRow(tally: Tally, row: string): void {
  tally.rows.set(row, (tally.rows.get(row) ?? 0) + 1);
}

export function progressLine(tally: Tally, elapsedMs: number): string {
  const { attacksRefused, innocentDone, faults, changes, loopAttempts, violations } = tally;
  return [
    `${Math.round(elapsedMs / 1000)} s: step ${tally.step}`,
    `${attacksRefused + loopAttempts} attacks refused`,
    `${innocentDone} innocent deeds done`,
    `${faults} faults`,
    `${changes} policy changes`,
    `${violations.length} violations`,
  ].join(", ");
}

/** The table at the end. `repeat`: the command that repeats the siege. */
export function finalTable(tally: Tally, repeat: string): string {
  const rows: [string, string | number][] = [
    ["steps", tally.step],
    ["attacks refused", tally.attacksRefused],
    ["attempts of loops refused", tally.loopAttempts],
    ["ways this kernel lacks", tally.notPossible],
    ["innocent deeds done", tally.innocentDone],
    ["faults", tally.faults],
    ["policy changes", tally.changes],
    ["times all was counted", tally.quietPoints],
    ["rows of the registry used", tally.rows.size],
    ["most memory of a sensor", `${Math.round(tally.maxMemoryMb)} MB`],
    ["violations", tally.violations.length],
  ];
  return [
    ...rows.map(([name, value]) => `${name.padEnd(28)}${String(value).padStart(10)}`),
    ...tally.violations.map(({ step, what }) => `violation in step ${step}: ${what}`),
    ...(tally.violations.length > 0 ? [`repeat: ${repeat}`] : []),
  ].join("\n");
}
