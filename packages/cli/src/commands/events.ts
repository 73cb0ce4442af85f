// SPDX-License-Identifier: Apache-2.0
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError, type Values } from "@gander/base";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { compactLine } from "../events/compact.ts";
import { type EventJson, jsonText, parseEvent } from "../events/event-json.ts";
import {
  allowList,
  EVENT_TYPES,
  type EventSelection,
  eventMatcher,
} from "../events/event-selection.ts";
import { selectFields } from "../events/field-selection.ts";
import { quote, terminalSafeJson } from "../events/quote.ts";
import { explainError } from "../explain-error.ts";
import type { FleetWatchOptions } from "../fleet/fleet-client.ts";
import { fleetOptions } from "../fleet/fleet-options.ts";
import { coverageText } from "../fleet/fleet-text.ts";
import { withFleet } from "../fleet/with-fleet.ts";
import { type Io, wantsColor, writeLine } from "../io.ts";
import { withSensor } from "../with-sensor.ts";

const options = {
  output: {
    type: "text",
    default: "json",
    values: ["json", "compact"],
    short: "o",
    help: "One JSON object a line, or a short line for people.",
    group: "Output",
    flagOnly: true,
  },
  color: {
    type: "text",
    default: "auto",
    values: ["auto", "always", "never"],
    help: "Colours in compact output; auto: only on a terminal.",
    group: "Output",
    flagOnly: true,
  },
  timestamps: {
    type: "boolean",
    default: false,
    help: "Put the time in front of compact lines.",
    group: "Output",
    flagOnly: true,
  },
  "stack-traces": {
    type: "boolean",
    default: true,
    help: "Show stack traces below compact lines; --no-stack-traces leaves them out.",
    group: "Output",
    flagOnly: true,
  },
  "include-fields": {
    type: "list",
    default: [],
    short: "f",
    placeholder: "PATH",
    help: "Keep only these fields of an event, e.g. process.binary,policy_name.",
    group: "Output",
    flagOnly: true,
  },
  "exclude-fields": {
    type: "list",
    default: [],
    short: "F",
    placeholder: "PATH",
    help: "Leave out these fields, e.g. parent.",
    group: "Output",
    flagOnly: true,
  },
  "event-types": {
    type: "list",
    default: [],
    values: EVENT_TYPES,
    short: "e",
    placeholder: "TYPE",
    help: `Only these kinds of event: ${EVENT_TYPES.join(", ")}.`,
    group: "Which events",
    flagOnly: true,
  },
  namespace: {
    type: "list",
    default: [],
    short: "n",
    aliases: ["namespaces"],
    placeholder: "NAME",
    help: "Only events of pods in these namespaces.",
    group: "Which events",
    flagOnly: true,
  },
  "namespace-regex": {
    type: "list",
    default: [],
    commas: "keep",
    placeholder: "REGEX",
    help: "Only events of pods whose namespace matches.",
    group: "Which events",
    flagOnly: true,
  },
  host: {
    type: "boolean",
    default: false,
    help: "Events of processes outside of pods; together with --namespace both.",
    group: "Which events",
    flagOnly: true,
  },
  process: {
    type: "list",
    default: [],
    aliases: ["processes"],
    commas: "keep",
    placeholder: "REGEX",
    help: "Only events of processes whose binary matches.",
    group: "Which events",
    flagOnly: true,
  },
  pod: {
    type: "list",
    default: [],
    aliases: ["pods"],
    commas: "keep",
    placeholder: "REGEX",
    help: "Only events of pods whose name matches.",
    group: "Which events",
    flagOnly: true,
  },
  "policy-names": {
    type: "list",
    default: [],
    placeholder: "NAME",
    help: "Only events of these policies.",
    group: "Which events",
    flagOnly: true,
  },
  user: {
    type: "list",
    default: [],
    aliases: ["users"],
    commas: "keep",
    placeholder: "NAME",
    help: "Only events of sessions that these users requested from the API server, or may have.",
    group: "Which events",
    flagOnly: true,
  },
  "cel-expression": {
    type: "list",
    default: [],
    commas: "keep",
    placeholder: "CEL",
    help: "Only events for which one of these expressions is true.",
    group: "Which events",
    flagOnly: true,
  },
  reconnect: {
    type: "boolean",
    default: false,
    help: "If the sensor is not running or stops, wait for it instead of exiting.",
    group: "Sensor",
    flagOnly: true,
  },
  ...fleetOptions,
  ...clientOptions,
} as const;

/** `gander events`: from the sensor, or from JSON lines on the standard input. */
export const events = defineCommand({
  command: "gander events",
  summary:
    "Shows events as they happen on this machine. Reads from the sensor, or from a JSON export if one is piped in. With --operator: events of all nodes of the cluster; filters run on the nodes.",
  options,
  examples: [
    "sudo gander events -o compact",
    "sudo gander events -o compact --process '^/tmp/' -e PROCESS_EXEC",
    "sudo gander events --policy-names file-monitoring-filtered",
    "gander events -o compact --timestamps < /var/log/gander/events.log",
    "gander events --operator 127.0.0.1:8444 -n shop --policy-names guard",
    "gander events --operator 127.0.0.1:8444 -o compact --user alice@example.com",
  ],
  run: async ({ values }, io) => {
    const selection = selectionOf(values);
    const show = painter(values, io);
    const request = { allow_list: allowList(selection) };
    const watchFleet = () =>
      withFleet(values, async (fleet) => {
        const events = fleet.events(request, { signal: io.signal, ...fleetNotes(io) });
        for await (const event of events) await writeLine(io, show(event));
      });
    const watchSensor = () =>
      withSensor(values, async (sensor) => {
        for await (const event of sensor.events(request, io)) await writeLine(io, show(event));
      });
    const isFleet = values.operator !== "";
    if (!isFleet && (await readsFromPipe(io))) return showLines(io, selection, show);
    const watch = isFleet ? watchFleet : watchSensor;
    if (values.reconnect) await again(watch, io);
    else await watch();
    return 0;
  },
});

type EventValues = Values<typeof options>;

function selectionOf(values: EventValues): EventSelection {
  return {
    types: values.eventTypes,
    namespaces: values.namespace,
    namespacePatterns: values.namespaceRegex,
    host: values.host,
    processes: values.process,
    pods: values.pod,
    policies: values.policyNames,
    users: values.user,
    cel: values.celExpression,
  };
}

function painter(values: EventValues, io: Io): (event: EventJson) => string {
  const compact = {
    color: wantsColor(io, values.color),
    timestamps: values.timestamps,
    stackTraces: values.stackTraces,
  };
  return (event) => {
    const selected = selectFields(event, values.includeFields, values.excludeFields);
    return values.output === "json"
      ? terminalSafeJson(jsonText(selected))
      : compactLine(selected, compact);
  };
}

/** What a person should know beside the events: of whom none come, and what could not be read. */
function fleetNotes(io: Io): Pick<FleetWatchOptions, "onWatching" | "onUnreadable"> {
  let unreadable = 0;
  return {
    onWatching(coverage) {
      const text = coverageText(coverage);
      if (text !== "") io.stderr.write(`gander: ${text}\n`);
    },
    onUnreadable() {
      unreadable += 1;
      if (unreadable === 1)
        io.stderr.write("gander: a node sends events that cannot be read; they are left out\n");
    },
  };
}

const RECONNECT_MS = 1000;

/** Until it is told to stop, or as long as waiting can help. */
async function again(watch: () => Promise<void>, io: Io): Promise<void> {
  for (let told = ""; !io.signal.aborted; ) {
    try {
      await watch();
    } catch (error) {
      if (!(error instanceof GanderError && error.retryable) || io.signal.aborted) throw error;
      if (error.message !== told) io.stderr.write(`${explainError(error)}\n  Trying again.\n`);
      told = error.message;
    }
    await sleep(RECONNECT_MS, undefined, { signal: io.signal });
  }
}

/** A pipe or a file was given to read; under a service manager or cron there is neither. */
async function readsFromPipe(io: Io): Promise<boolean> {
  if (io.stdin.isTTY === true || !("fd" in io.stdin)) return io.stdin.isTTY !== true;
  const { fstatSync } = await import("node:fs");
  const stat = fstatSync(Number(io.stdin.fd));
  return stat.isFIFO() || stat.isFile();
}

async function showLines(
  io: Io,
  selection: EventSelection,
  show: (event: EventJson) => string,
): Promise<number> {
  const matches = await matcherOf(selection);
  let number = 0;
  let wrong = 0;
  for await (const line of createInterface({
    input: io.stdin,
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number++;
    if (io.signal.aborted) break;
    if (line.trim() === "") continue;
    const event = parseEvent(line);
    if (event === undefined) {
      wrong++;
      io.stderr.write(`gander: line ${number} is not an event: ${quote(line.slice(0, 80))}\n`);
    } else if (matches(event)) await writeLine(io, show(event));
  }
  return wrong === 0 ? 0 : 1;
}

/** With regular expressions and CEL as the sensor has them, not those of JavaScript. */
async function matcherOf(selection: EventSelection): Promise<(event: EventJson) => boolean> {
  const { linearRegex } = await import("@gander/base/linear-regex");
  try {
    const matches = eventMatcher(selection, linearRegex);
    if (selection.cel.length === 0) return matches;
    const { celMatcher } = await import("../events/cel-matcher.ts");
    const holds = celMatcher(selection.cel);
    return (event) => matches(event) && holds(event);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError("client-bad-input", `Cannot filter: ${why}`, {
      hint: "docs/events.md describes filters; regular expressions are those of RE2.",
      cause,
    });
  }
}
