// SPDX-License-Identifier: Apache-2.0
import { gander } from "./sensor.ts";

/** The counts of records and events in `gander status -o json`. */
export interface EventCounts {
  readonly exec: RecordCounts;
  readonly exit: RecordCounts;
  readonly policy: RecordCounts;
  readonly readers: {
    readonly file: {
      readonly written: number;
      readonly dropped: number;
      readonly rateLimited: number;
    };
  };
  readonly undecodable: number;
}

export interface RecordCounts {
  readonly produced: number;
  readonly lostRingFull: number;
  readonly lostMemory: number;
}

/** The arguments of the status command: its answer covers only what preceded the command. */
export const asking = ["status", "-o", "json"] as const;

export function eventCounts(): EventCounts {
  return JSON.parse(gander(...asking).output).events;
}

export const lostOf = ({ lostRingFull, lostMemory }: RecordCounts): number =>
  lostRingFull + lostMemory;
