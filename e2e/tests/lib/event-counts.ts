// SPDX-License-Identifier: Apache-2.0
import { gander } from "./sensor.ts";

/** What `gander status -o json` says about records and events. */
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

/** The arguments of the program that asks: all that it is told of came before the asking. */
export const asking = ["status", "-o", "json"] as const;

export function eventCounts(): EventCounts {
  return JSON.parse(gander(...asking).output).events;
}

export const lostOf = ({ lostRingFull, lostMemory }: RecordCounts): number =>
  lostRingFull + lostMemory;
