// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TypedHook } from "@gander/policy";
import { type Call, evaluateSelectors, selectorsFor } from "@gander/sensor/reference";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainCall } from "../../../sensor/test/linker-fixture.ts";
import { eventOf, policyWith, recordingOf } from "../../test/recordings.ts";
import { createReplay, type Judgement, readRecording, writeRecording } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "recording-"));

type Policy = ReturnType<typeof policyWith>;

/** Judgements of events that were recorded for one policy, written, read and replayed. */
async function judged(policy: Policy, events: readonly object[], replayed = policy) {
  const { header, calls, summary } = recordingOf([policy], events);
  const file = join(folder, "test.rec");
  await writeRecording(file, { header, lines: calls.lines(), summary });
  const found: (Judgement & { readonly count: number })[] = [];
  let replay: ReturnType<typeof createReplay> | undefined;
  await readRecording(file, {
    header(read) {
      expect(read).toEqual(header);
      replay = createReplay([replayed.compiled], read);
    },
    call(call) {
      const judgement = replay?.judge(call);
      if (judgement) found.push({ ...judgement, count: call.count });
    },
  });
  return { found, replay };
}

const args = [
  { index: 0, type: "int" },
  { index: 1, type: "string" },
  { index: 2, type: "file" },
  { index: 3, type: "sock" },
] as const;
const call = { call: "security_test", syscall: false, args };

const deny = { matchActions: [{ action: "Override", argError: -1 }] };
const kill = { matchActions: [{ action: "Sigkill" }] };
const silent = { matchActions: [{ action: "NoPost" }] };

const texts = ["/etc", "/etc/a", "/b", "x"] as const;
const ports = [22, 443] as const;
const addresses = ["10.0.0.1", "192.168.1.1", "fe80::1"] as const;
const binaries = ["/bin/a", "/bin/b", "/usr/bin/c"] as const;

const some = <T>(of: readonly T[]) => fc.subarray([...of], { minLength: 1 });
const argFilter = fc.oneof(
  fc.record({
    index: fc.constant(0),
    operator: fc.constantFrom("Equal", "NotEqual", "GT", "LT", "Mask"),
    values: fc.constantFrom(["1"], ["2"], ["7"]),
  }),
  fc.record({
    index: fc.constantFrom(1, 2),
    operator: fc.constantFrom(
      ...["Equal", "NotEqual", "Prefix", "NotPrefix", "Postfix", "NotPostfix"],
    ),
    values: some(texts),
  }),
  fc.record({
    index: fc.constant(2),
    operator: fc.constantFrom("FileType", "NotFileType"),
    values: some(["reg", "dir", "sock"]),
  }),
  fc.record({
    index: fc.constant(3),
    operator: fc.constantFrom("DPort", "NotDPort", "SPort", "NotSPort"),
    values: some(ports.map(String)),
  }),
  fc.record({
    index: fc.constant(3),
    operator: fc.constantFrom("DAddr", "NotDAddr", "SAddr"),
    values: some(["10.0.0.0/8", "192.168.1.1", "fe80::/10"]),
  }),
  fc.record({
    index: fc.constant(3),
    operator: fc.constantFrom("Protocol", "Family", "State"),
    values: fc.constantFrom(["6"], ["2"], ["10"]),
  }),
);
const selector = fc
  .record({
    matchArgs: fc.array(argFilter, { maxLength: 2 }),
    matchBinaries: fc.array(
      fc.record({
        operator: fc.constantFrom("In", "NotIn", "Prefix", "Postfix"),
        values: some(binaries),
      }),
      { maxLength: 1 },
    ),
    matchPIDs: fc.array(
      fc.record({ operator: fc.constantFrom("In", "NotIn"), values: some([5, 6]) }),
      { maxLength: 1 },
    ),
    does: fc.constantFrom(deny, kill, silent, {}),
  })
  .map(({ does, ...filters }) => ({ ...filters, ...does }));

const anyCall = fc.record({
  int: fc.constantFrom(-1, 0, 1, 2, 3, 7),
  text: fc.constantFrom(...texts),
  path: fc.constantFrom(...texts),
  state: fc.constantFrom("known" as const, "absent" as const, "unknown" as const),
  forgeable: fc.boolean(),
  mode: fc.constantFrom("-rw-------", "drwx------"),
  address: fc.constantFrom(...addresses),
  ports: fc.tuple(fc.constantFrom(...ports), fc.constantFrom(...ports)),
  protocol: fc.constantFrom(6, 17),
  tcp: fc.constantFrom(1, 10),
  binary: fc.constantFrom(...binaries),
  binaryForgeable: fc.boolean(),
  pid: fc.constantFrom(5, 6, 7),
});
type AnyCall = typeof anyCall extends fc.Arbitrary<infer T> ? T : never;

const hexes: Readonly<Record<string, string>> = {
  "10.0.0.1": "0a000001",
  "192.168.1.1": "c0a80101",
  "fe80::1": `fe80${"0".repeat(27)}1`,
};

/** As the sensor shows it. */
function shown(one: AnyCall): object {
  const { state, forgeable, address } = one;
  const [sport, dport] = one.ports;
  const isV6 = address.includes(":");
  const error = (message: string) => ({ error_arg: { Message: message } });
  const path = { path: one.path, permission: one.mode, ...(forgeable && { flags: "forgeable" }) };
  const file = {
    known: { file_arg: path },
    absent: error("there is no file"),
    unknown: { file_arg: { ...path, flags: "unresolvedPathComponents" } },
  }[state];
  const text = {
    known: { string_arg: one.text },
    absent: error("no text: the pointer is null"),
    unknown: error("the text could not be read"),
  }[state];
  const sock = {
    family: isV6 ? "AF_INET6" : "AF_INET",
    ...{ type: "SOCK_STREAM", protocol: one.protocol === 6 ? "IPPROTO_TCP" : "IPPROTO_UDP" },
    ...{ saddr: address, daddr: address, sport, dport, cookie: "99" },
    ...(one.protocol === 6 && { state: one.tcp === 1 ? "TCP_ESTABLISHED" : "TCP_LISTEN" }),
  };
  const flags = `execve clone${one.binaryForgeable ? " forgeableBinary" : ""}`;
  return eventOf({
    args: [{ int_arg: one.int }, text, file, { sock_arg: sock }],
    process: { binary: one.binary, flags, pid: one.pid },
  });
}

/** As the evaluator takes it; its text facts are for one argument at a time. */
function plain(one: AnyCall, arg: number | undefined): Call {
  const { state, forgeable, address } = one;
  const isV6 = address.includes(":");
  const end = hexes[address] ?? "";
  const text = state === "known" && forgeable && arg === 2 ? "forgeable" : state;
  return {
    ...{ ...plainCall, pid: one.pid, binary: one.binary },
    facts: { text, ...(one.binaryForgeable && { binary: "forgeable" }) },
    args: [
      BigInt(one.int),
      one.text,
      { fileType: one.mode[0] === "d" ? 0o040000 : 0o100000, origin: 0, path: one.path },
      {
        ...{ saddr: end, daddr: end, addressFamily: isV6 ? 6 : 4 },
        ...{ sport: one.ports[0], dport: one.ports[1], protocol: one.protocol },
        ...{ family: isV6 ? 10 : 2, state: one.protocol === 6 ? one.tcp : -1 },
      },
    ],
  };
}

/** What the entry does by the evaluator; undefined: it takes one text fact for a call, and there are two. */
function expected({ compiled }: Policy, one: AnyCall): string | undefined {
  const [hook] = compiled.hooks;
  const typed = hook as TypedHook;
  const filters = typed.selectors.flatMap((selector) => selector.filters);
  const tested = (arg: number) =>
    filters.some((filter) => filter.on === "arg" && filter.arg === arg);
  if (one.state === "known" && one.forgeable && tested(1) && tested(2)) return undefined;
  // Of a file that there is not, the evaluator would still know the type.
  const ofType = filters.some((filter) => filter.on === "arg" && filter.test.op === "file-type");
  if (one.state === "absent" && ofType) return undefined;
  const acts = typed.selectors.some(({ actions }) =>
    actions.some(({ action }) => action === "override" || action === "sigkill"),
  );
  const planned = selectorsFor(typed, acts ? "decide" : "signal");
  const index = evaluateSelectors(planned, plain(one, tested(2) ? 2 : undefined), () => 0);
  if (index === undefined) return "allowed";
  const [action] = typed.selectors[index]?.actions ?? [];
  if (action?.action === "override") return "denied";
  if (action?.action === "sigkill") return "killed";
  return action?.action === "no-post" ? "allowed" : "reported";
}

describe("a replay", () => {
  test("decides random calls by random policies as the evaluator does", async () => {
    const counts = { known: 0, unknown: 0, skipped: 0 };
    const verdicts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(selector, { minLength: 1, maxLength: 4 }),
        fc.array(anyCall, { minLength: 1, maxLength: 20 }),
        async (selectors, calls) => {
          const policy = policyWith({ ...call, selectors });
          for (const one of calls) {
            const { found } = await judged(policy, [shown(one)]);
            const [{ possible } = { possible: [] }] = found;
            const wanted = expected(policy, one);
            if (wanted === undefined) counts.skipped++;
            else if (possible.length === 1) {
              counts.known++;
              verdicts.set(wanted, (verdicts.get(wanted) ?? 0) + 1);
              expect(possible, JSON.stringify({ selectors, one })).toEqual([wanted]);
            } else {
              counts.unknown++;
              expect(possible).toContain(wanted);
            }
          }
        },
      ),
      { numRuns: 200 },
    );
    // All that these filters ask for is recorded, except states of what is not TCP.
    expect(counts.known).toBeGreaterThan(20 * counts.unknown);
    expect(counts.known).toBeGreaterThan(counts.skipped);
    for (const one of ["allowed", "reported", "denied", "killed"])
      expect(verdicts.get(one), one).toBeGreaterThan(20);
  }, 120_000);

  const file = (path: string) => ({ file_arg: { path, permission: "-rw-r--r--" } });
  const onPath = (value: string, more: object = {}) => ({
    ...{ call: "security_file_permission", syscall: false, args: [{ index: 0, type: "file" }] },
    selectors: [
      { matchArgs: [{ index: 0, operator: "Prefix", values: [value] }], ...more, ...deny },
    ],
  });
  const verdictsOf = async (...given: Parameters<typeof judged>) =>
    (await judged(...given)).found.map(({ possible, count }) => `${count} ${possible.join("|")}`);

  test("counts calls that are alike once", async () => {
    const events = ["/etc/a", "/b", "/etc/a"].map((path) => eventOf({ args: [file(path)] }));
    expect(await verdictsOf(policyWith(onPath("/etc")), events)).toEqual(["2 denied", "1 allowed"]);
  });

  test.each([
    ["matchCapabilities", { type: "Effective", operator: "In", values: ["CAP_SYS_ADMIN"] }],
    ["matchNamespaces", { namespace: "Net", operator: "NotIn", values: ["host_ns"] }],
    ["matchProcess", { property: "User", operator: "In", values: ["0"] }],
  ])("says that what depends on %s is unknown", async (filter, value) => {
    const policy = policyWith(onPath("/etc", { [filter]: [value] }));
    const events = ["/etc/a", "/b"].map((path) => eventOf({ args: [file(path)] }));
    const { found } = await judged(policy, events);
    expect(found.map(({ possible }) => possible)).toEqual([["allowed", "denied"], ["allowed"]]);
    expect(found.map(({ lacking }) => lacking.join()).join()).toContain(filter);
  });

  test("does not guess values that the recording was not asked for", async () => {
    const args = [
      { index: 0, type: "file" },
      { index: 1, type: "int" },
    ];
    const recorded = policyWith({ ...onPath("/etc"), args });
    const other = { index: 1, operator: "Equal", values: ["4"] };
    const replayed = policyWith({
      ...onPath("/etc"),
      args,
      selectors: [{ matchArgs: [other], ...deny }],
    });
    const events = [eventOf({ args: [file("/etc/a"), { int_arg: 4 }] })];
    expect(await verdictsOf(recorded, events, replayed)).toEqual(["1 allowed|denied"]);
  });

  test("knows no cut text, and none with bytes that are no UTF-8", async () => {
    const policy = policyWith(onPath("/etc"));
    const events = [
      eventOf({ args: [{ file_arg: { path: "/etc/\uFFFD" } }] }),
      eventOf({ args: [{ file_arg: { path: "/etc/a", flags: "truncated" } }] }),
    ];
    const unknown = "1 allowed|denied";
    expect(await verdictsOf(policy, events)).toEqual([unknown, unknown]);
  });

  test("finds no calls of a hook that was not recorded", async () => {
    const other = policyWith({ ...onPath("/etc"), call: "security_file_open" });
    const { found, replay } = await judged(policyWith(onPath("/etc")), [], other);
    expect(found).toEqual([]);
    expect(replay?.unrecorded).toEqual([
      { policy: "test", path: "spec.kprobes[0]", target: "security_file_open" },
    ]);
  });

  test("takes one of two recorded hooks that have the same calls: that with the most values", async () => {
    const args = [
      { index: 0, type: "file" },
      { index: 1, type: "int" },
    ];
    const wide = policyWith(
      {
        ...onPath("/etc"),
        args,
        selectors: [
          {
            matchArgs: [
              { index: 1, operator: "Equal", values: ["4"] },
              { index: 0, operator: "Prefix", values: ["/etc"] },
            ],
            ...deny,
          },
        ],
      },
      "wide",
    );
    const narrow = policyWith(onPath("/etc"), "narrow");
    const events = [
      eventOf({ hook: 0, args: [file("/etc/a")] }),
      eventOf({ hook: 1, args: [file("/etc/a"), { int_arg: 5 }] }),
    ];
    const { header, calls } = recordingOf([narrow, wide], events);
    const judge = (policy: Policy, besides: Policy) => {
      const replay = createReplay([policy.compiled], header, [besides.compiled]);
      const lines = [...calls.lines()].flatMap((line) => ("hook" in line ? [line] : []));
      const facts = { binary: "/bin/a", inInitTree: false };
      return lines.map((line) => replay.judge({ ...line, facts })?.possible.join("|"));
    };
    expect(judge(narrow, wide)).toEqual([undefined, "denied"]);
    expect(judge(wide, narrow)).toEqual([undefined, "allowed"]);
  });

  test("believes an ancestor that is on a list, and no list without one", async () => {
    const below = (operator: string) => {
      const followed = { operator, values: ["/bin/sh"], followChildren: true };
      return policyWith(onPath("/etc", { matchBinaries: [followed] }));
    };
    const args = [file("/etc/a")];
    const child = eventOf({ args, parent: { binary: "/bin/sh" } });
    const stranger = eventOf({ args, parent: { binary: "/sbin/init" } });
    expect(await verdictsOf(below("In"), [child, stranger])).toEqual([
      "1 denied",
      "1 allowed|denied",
    ]);
    expect(await verdictsOf(below("NotIn"), [child, stranger])).toEqual([
      "1 allowed",
      "1 allowed|denied",
    ]);
  });

  test("applies policies to the pods that they are for", async () => {
    const text = { app: "shop" };
    const spec = {
      kprobes: [onPath("/etc")],
      podSelector: { matchLabels: text },
    };
    const { policyIn } = await import("../../test/recordings.ts");
    const policy = policyIn(
      JSON.stringify({
        ...{
          apiVersion: "gander.dev/v1alpha1",
          kind: "GuardPolicy",
          metadata: { name: "p" },
          spec,
        },
      }),
    );
    const inPod = (labels: object | undefined) =>
      eventOf({
        args: [file("/etc/a")],
        process: { pod: { namespace: "a", name: "b", ...(labels && { pod_labels: labels }) } },
      });
    const events = [
      inPod(text),
      inPod({ app: "x" }),
      inPod(undefined),
      eventOf({ args: [file("/etc/a")] }),
    ];
    expect(await verdictsOf(policy, events)).toEqual([
      ...["1 denied", "1 allowed", "1 allowed|denied", "1 allowed"],
    ]);
  });
});
