// SPDX-License-Identifier: Apache-2.0
import { actionRow, actionRows } from "@gander/policy";
import {
  argField,
  createEventArg,
  type EventArg,
  type EventKind,
  eventKind,
  eventKindRows,
  KprobeAction,
} from "@gander/proto";
import { action, fact, recordFlags, textFlags, valueType } from "../link/abi.gen.ts";
import { actionBit } from "../link/action-bit.ts";
import type { RecordOffsets } from "../records/record-layouts.ts";
import type { RecordReader } from "../records/record-reader.ts";
import { decodeArg } from "./arg-decoder.ts";
import { CallData, type MoreData } from "./call-data.ts";
import type { EventRule, EventRuleArg, EventRules, OfferRequest, RuleText } from "./event-rule.ts";
import { type Unhashed, unhashedReasons } from "./file-hash.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { ruleText } from "./rule-text.ts";
import type { SensorEvent } from "./sensor-event.ts";
import type { StackTraces } from "./stack-traces.ts";

export type HookDecoder = {
  /** hot: decodes RECORD_HOOK into `event` (bench/event-encoding). */
  decode(reader: RecordReader, event: SensorEvent): void;
  /** Says in an event decoded from the record at `reader` why it has no hash. */
  unhashed(reader: RecordReader, event: SensorEvent, why: Unhashed): void;
  /** Keeps RECORD_DATA for the event whose record follows. */
  data(reader: RecordReader): void;
};

type KnownRule = {
  readonly rule: EventRule;
  readonly text: RuleText;
  /** By function, of a rule for many: made when the first event needs it. */
  readonly texts: (RuleText | undefined)[];
};

const kinds = Object.fromEntries(
  eventKindRows.map(({ number, name }) => [name, number]),
) as Readonly<Record<EventRule["eventKind"], EventKind>>;

/** More than any node has at a time; an evicted one that is still in use is made again. */
const keptRules = 8192;

export function createHookDecoder(deps: {
  offsets: RecordOffsets;
  rules: EventRules;
  lifecycle: Lifecycle;
  stacks: StackTraces;
  /** Absent: no action makes a request. */
  offerRequest?: OfferRequest | undefined;
}): HookDecoder {
  const { offsets, rules, lifecycle, stacks, offerRequest } = deps;
  const known = new Map<number, KnownRule>();
  const data = new CallData(offsets);

  const lookUp = (id: number, missing: number): KnownRule => {
    const plain = rules.rule(id) ?? unknownRule(id);
    const rule =
      missing === 0 ? plain : { ...plain, tags: [...plain.tags, ...missingTags(missing)] };
    const found = { rule, text: ruleText(rule), texts: [] };
    const [oldest] = known.keys();
    if (known.size >= keptRules && oldest !== undefined) known.delete(oldest);
    if (rule.policyName !== "") known.set(keyOf(id, missing), found);
    return found;
  };

  return {
    data: (reader) => data.add(reader),
    unhashed(reader, event, why) {
      const id = reader.u32(offsets.hook.rule);
      const facts = reader.u16(offsets.flags) >>> missingShift;
      const missing = facts + 2 ** missingShift * (unhashedReasons.indexOf(why) + 1);
      event.hook = (known.get(keyOf(id, missing)) ?? lookUp(id, missing)).text;
    },
    decode(reader, event) {
      const id = reader.u32(offsets.hook.rule);
      const missing = reader.u16(offsets.flags) >>> missingShift;
      const found = known.get(keyOf(id, missing)) ?? lookUp(id, missing);
      const { rule, text } = found;
      const entry = lifecycle.processOf(reader);
      event.kind = kinds[rule.eventKind];
      event.process = entry;
      event.parent = entry.parent;
      event.tid = reader.u32(offsets.tid);
      event.hook = text;
      const done = reader.u32(offsets.hook.done);
      event.action = doneActions[done & action.ACTION_ENFORCE] ?? KprobeAction.KPROBE_ACTION_POST;
      if (event.kind === eventKind.kprobe) event.returnAction = KprobeAction.KPROBE_ACTION_POST;
      const told = reader.u32(offsets.hook.actions) & tellActions;
      if (told !== 0) showTold(event, told, rule.returnArg?.type === "sock");
      if (rule.requests !== undefined && offerRequest !== undefined)
        makeRequests(event, reader, { rule, offsets, offerRequest });
      const more = data.isEmpty ? undefined : data.take(reader);
      const end = decodeArgs(reader, { offsets, known: found, more }, event);
      if (!event.hasReturned && rule.returnArg !== undefined && (done & action.ACTION_DENY) !== 0)
        returnError(event, reader.s32(offsets.hook.error), rule.returnArg);
      readStacks(reader, offsets, end, event, stacks);
    },
  };
}

/** The upper flags of a record, by enum fact, are the facts that a filter was decided without, and what could not be written. */
const missingShift = Math.log2(recordFlags.RECORD_MISSING_FACT);

const keyOf = (id: number, missing: number) => missing * 2 ** 32 + id;

const { FACTS: _, MISSING_WRITE, MISSING_REGISTERS, ...facts } = fact;

const failures = { set: MISSING_WRITE, override: MISSING_REGISTERS };

/** Events show them as tags, because existing clients know no other place for them. */
function missingTags(missing: number): string[] {
  const unhashed = unhashedReasons[(missing >>> missingShift) - 1];
  return [
    ...factTags(missing % 2 ** missingShift),
    ...(unhashed === undefined ? [] : [`gander.unhashed.${unhashed}`]),
  ];
}

function factTags(missing: number): string[] {
  const unknown = Object.entries(facts)
    .filter(([, bit]) => (missing & (1 << bit)) !== 0)
    .map(([name]) => `gander.unknown.${name.replace("FACT_", "").toLowerCase()}`);
  const failed = Object.entries(failures)
    .filter(([, bit]) => (missing & (1 << bit)) !== 0)
    .map(([what]) => `gander.failed.${what}`);
  return [...unknown, ...failed];
}

/** By the actions taken, not those that the policy requests: in mode monitor none are. */
const doneActions = Array.from({ length: action.ACTION_ENFORCE + 1 }, (_, done) => {
  const event = actionRows.find((row) => (actionBit(row) & done) !== 0)?.event ?? "POST";
  return KprobeAction[`KPROBE_ACTION_${event}`];
});

/** Actions that tell the programs something, by their bit; an event shows the first. */
const tellRows = actionRows.flatMap(({ tells, event }) =>
  tells === undefined || event === undefined
    ? []
    : [{ bit: action[`ACTION_${tells}`], shown: KprobeAction[`KPROBE_ACTION_${event}`] }],
);
const tellActions = tellRows.reduce((bits, { bit }) => bits | bit, 0);

/** Of a function that returns a socket, the action was on that. */
function showTold(event: SensorEvent, told: number, isOnReturn: boolean): void {
  const shown = tellRows.find(({ bit }) => (told & bit) !== 0)?.shown;
  if (shown === undefined) return;
  if (isOnReturn && event.kind === eventKind.kprobe) event.returnAction = shown;
  else if (event.action === KprobeAction.KPROBE_ACTION_POST) event.action = shown;
}

type Requests = {
  readonly rule: EventRule;
  readonly offsets: RecordOffsets;
  readonly offerRequest: OfferRequest;
};

/** Shown are those that will be made. */
function makeRequests(
  event: SensorEvent,
  reader: RecordReader,
  { rule, offsets, offerRequest }: Requests,
): void {
  const { policyName, policyNamespace, requests = [] } = rule;
  const selector = reader.u16(offsets.hook.selector);
  const asker = { policyName, policyNamespace, pid: reader.u32(offsets.processPid) };
  for (const { selector: of, request } of requests) {
    if (of !== selector || !offerRequest(request, asker)) continue;
    const shown = KprobeAction[`KPROBE_ACTION_${actionRow(request.action).event ?? "POST"}`];
    if (event.action === KprobeAction.KPROBE_ACTION_POST) event.action = shown;
  }
}

/** The function that was called, of a rule for many. */
function functionText({ rule, text, texts }: KnownRule, at: number): RuleText {
  const functionName = rule.functions?.[at];
  if (functionName === undefined) return text;
  texts[at] ??= ruleText({ ...rule, functionName });
  return texts[at];
}

type Decoding = {
  readonly offsets: RecordOffsets;
  readonly known: KnownRule;
  readonly more: MoreData | undefined;
};

/** Returns where the arguments end. */
function decodeArgs(
  reader: RecordReader,
  { offsets, known, more }: Decoding,
  event: SensorEvent,
): number {
  const { rule } = known;
  const { header, type, flags, size, extra } = offsets.arg;
  const count = reader.u8(offsets.hook.nargs);
  let at = offsets.hook.size;
  let position = 0;
  for (let index = 0; index < count && at + header <= reader.length; index++) {
    const value = {
      type: reader.u8(at + type),
      flags: reader.u8(at + flags),
      extra: reader.u32(at + extra),
      start: at + header,
      end: Math.min(at + header + reader.u16(at + size), reader.length),
    };
    at = (value.start + reader.u16(at + size) + 7) & ~7;
    const isReturn = (value.flags & textFlags.ARG_RETURN) !== 0;
    if (isReturn && event.kind === eventKind.uprobe) {
      // These events have no field for it: it is the last argument.
      decodeArg(reader, offsets, value, rule.returnArg, nextArg(event));
      moveBeforeData(event);
      continue;
    }
    if (isReturn) {
      decodeArg(reader, offsets, value, rule.returnArg, event.returned);
      event.hasReturned = true;
      continue;
    }
    // Arguments of type nop are not shown, whether or not the record has a place for them.
    const isNothing = value.type === valueType.VALUE_NONE;
    while (rule.args[position]?.type === "nop" && !isNothing) position++;
    if (isNothing) {
      position++;
      continue;
    }
    if (rule.functions !== undefined && position === rule.args.length) {
      event.hook = functionText(known, reader.u32(value.start));
      continue;
    }
    const spec = rule.args[position++];
    if (spec?.source !== undefined) event.dataCount++;
    const arg = nextArg(event);
    decodeArg(reader, offsets, value, spec, arg);
    more?.get(index)?.complete(arg);
  }
  return at;
}

/** The last of them becomes an argument: data is behind those. */
function moveBeforeData({ args, argCount, dataCount }: SensorEvent): void {
  const last = args[argCount - 1];
  if (dataCount === 0 || last === undefined) return;
  const first = argCount - 1 - dataCount;
  args.copyWithin(first + 1, first, argCount - 1);
  args[first] = last;
}

function nextArg(event: SensorEvent): EventArg {
  const arg = event.args[event.argCount] ?? createEventArg();
  event.args[event.argCount++] = arg;
  return arg;
}

/** The call was denied before the function ran, so the error is its return value. */
function returnError(event: SensorEvent, error: number, spec: EventRuleArg): void {
  event.returned.field = spec.type === "int64" ? argField.long : argField.int;
  event.returned.label = spec.label;
  event.returned.low = error >>> 0;
  event.returned.high = error < 0 ? 0xffff_ffff : 0;
  event.hasReturned = true;
}

function readStacks(
  reader: RecordReader,
  offsets: RecordOffsets,
  start: number,
  event: SensorEvent,
  stacks: StackTraces,
): void {
  const kernel = reader.u16(offsets.hook.kernelStack);
  const user = reader.u16(offsets.hook.userStack);
  if (kernel === 0 && user === 0) return;
  const addresses = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => from + 8 * index)
      .filter((at) => at + 8 <= reader.length)
      .map((at) => reader.u64(at))
      .filter((address) => address !== 0n);
  event.kernelStack = stacks.kernel(addresses(start, kernel));
  event.userStack = stacks.user(event.process, addresses(start + 8 * kernel, user));
}

function unknownRule(id: number): EventRule {
  return {
    id,
    policyName: "",
    policyNamespace: "",
    functionName: "",
    args: [],
    message: "the policy that made this event is no longer known",
    tags: [],
    eventKind: "process_kprobe",
  };
}
