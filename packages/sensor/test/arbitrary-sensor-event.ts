// SPDX-License-Identifier: Apache-2.0
import { eventKind, isNotice } from "@gander/proto";
import { arbitraryEvent } from "@gander/proto/testing";
import fc from "fast-check";
import type { EventRule } from "../src/events/event-rule.ts";
import { ruleText } from "../src/events/rule-text.ts";
import { createSensorEvent, type SensorEvent } from "../src/events/sensor-event.ts";
import { arbitraryProcess } from "./arbitrary-process.ts";

const kinds: Readonly<Record<number, EventRule["eventKind"]>> = {
  [eventKind.kprobe]: "process_kprobe",
  [eventKind.tracepoint]: "process_tracepoint",
  [eventKind.lsm]: "process_lsm",
  [eventKind.uprobe]: "process_uprobe",
  [eventKind.usdt]: "process_usdt",
};

/** Any event with its processes; for property tests. */
export const arbitrarySensorEvent: fc.Arbitrary<SensorEvent> = fc
  .record({
    event: arbitraryEvent,
    process: arbitraryProcess,
    parent: fc.option(arbitraryProcess, { nil: undefined }),
    ancestors: fc.array(arbitraryProcess, { maxLength: 3 }),
  })
  .map(({ event, process, parent, ancestors }) => {
    const { hook, kind } = event;
    const eventRuleKind = kinds[kind];
    const text =
      hook === undefined || eventRuleKind === undefined
        ? undefined
        : ruleText({ ...hook, id: 1, policyNamespace: "", args: [], eventKind: eventRuleKind });
    const isMark = isNotice(kind);
    const processes = isMark ? {} : { process, parent, ancestors };
    return { ...createSensorEvent(), ...event, ...processes, hook: text, isMark } as SensorEvent;
  });
