// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import type { KprobeArgument } from "../messages.gen.ts";
import { eventKind } from "./event-kinds.ts";
import {
  argField,
  createEventArg,
  createEventView,
  type EventArg,
  type EventView,
  type StackEntry,
} from "./event-view.ts";

const uint32 = fc.nat({ max: 0xffff_ffff });
const word = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.constant(""), fc.string());
const number = fc.oneof(
  uint32,
  fc.nat({ max: 300 }),
  fc.constantFrom(0, 0x7f, 0x80, 0x7fff_ffff, 0x8000_0000),
);

const message: fc.Arbitrary<KprobeArgument> = fc.oneof(
  word.map((KprobeFunc) => ({ perf_event_arg: { KprobeFunc } })),
  word.map((name) => ({ module_arg: { name, signature_ok: { value: true } } })),
  uint32.map((id) => ({ syscall_id: { ...(id !== 0 && { id }), abi: "x64" } })),
  fc.constant({ bpf_cmd_arg: "BPF_MAP_CREATE" as const }),
);

/** Any argument, of any type; for property tests. */
const arbitraryArg: fc.Arbitrary<EventArg> = fc
  .record({
    field: fc.constantFrom(...Object.values(argField)),
    label: fc.oneof(fc.constant(""), word),
    low: number,
    high: number,
    content: word,
    padding: fc.nat({ max: 5 }),
    originalSize: fc.oneof(number, fc.nat({ max: 2 ** 40 })),
    flags: word,
    permission: word,
    error: word,
    message,
    sock: fc.record({
      family: word,
      type: word,
      protocol: word,
      mark: number,
      priority: number,
      saddr: word,
      daddr: word,
      sport: number,
      dport: number,
      cookieLow: number,
      cookieHigh: number,
      state: word,
    }),
  })
  .map(({ content, padding, ...rest }) => {
    const bytes = Buffer.from(`${" ".repeat(padding)}${content}!`);
    const text = { bytes, start: padding, end: bytes.length - 1, plain: isPlain(content) };
    return { ...createEventArg(), ...rest, text };
  });

const stack: fc.Arbitrary<StackEntry[]> = fc.array(
  fc.record({
    address: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    offset: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    symbol: word,
    module: word,
  }),
  { maxLength: 3 },
);

/** Any event without its processes. */
export const arbitraryEvent: fc.Arbitrary<EventView> = fc
  .record({
    kind: fc.constantFrom(...Object.values(eventKind)),
    seconds: fc.nat({ max: 2 ** 33 }),
    nanos: fc.oneof(fc.nat({ max: 999_999_999 }), fc.constantFrom(0, 1_000_000, 720_376_010)),
    tid: number,
    signal: fc.constantFrom("", "SIGKILL", "SIGRTMIN+3"),
    status: number,
    hook: fc.option(
      fc.record({
        functionName: word,
        subsystem: word,
        path: word,
        offset: fc.maxSafeNat(),
        event: word,
        policyName: word,
        message: word,
        tags: fc.array(word, { maxLength: 3 }),
      }),
      { nil: undefined },
    ),
    args: fc.array(arbitraryArg, { maxLength: 8 }),
    dataCount: fc.nat({ max: 3 }),
    returned: arbitraryArg,
    hasReturned: fc.boolean(),
    action: fc.nat({ max: 15 }),
    returnAction: fc.nat({ max: 15 }),
    kernelStack: stack,
    userStack: stack,
    imaHash: fc.constantFrom("", "sha256:00ff"),
    dropped: fc.oneof(number, fc.nat({ max: 2 ** 40 })),
    fuse: fc.option(
      fc.record({
        policyName: word,
        policyNamespace: word,
        fuse: word,
        state: fc.constantFrom("blown" as const, "armed" as const),
      }),
      { nil: undefined },
    ),
  })
  .map((event) => ({
    ...createEventView(),
    ...event,
    argCount: event.args.length,
    dataCount: Math.min(event.dataCount, event.args.length),
  }));

export const isPlain = (text: string): boolean => /^[ !#-[\]-~]*$/.test(text);
