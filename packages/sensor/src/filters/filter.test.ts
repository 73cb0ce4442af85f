// SPDX-License-Identifier: Apache-2.0
import {
  codec,
  eventKind,
  type Filter,
  fromProtoJson,
  reflection,
  type Session,
} from "@gander/proto";
import { describe, expect, it } from "vitest";
import { ruleText } from "../events/rule-text.ts";
import { createSensorEvent, type SensorEvent } from "../events/sensor-event.ts";
import { ProcessEntry } from "../process/process-entry.ts";
import { processFlag } from "../process/process-flags.ts";
import { noWorkload, type Workload } from "../workload/workload.ts";
import { compileFilters } from "./filter.ts";

const workload: Workload = {
  containerId: "abc123",
  pod: {
    namespace: "prod",
    name: "web-1",
    pod_labels: { app: "web" },
    container: { name: "main" },
  },
  execProbes: [["/bin/check", "-a"]],
};

function processEntry(
  pid: number,
  binary: string,
  args: string,
  parent?: ProcessEntry,
  where = noWorkload,
) {
  const flags = where === noWorkload ? 0 : processFlag.inInitTree;
  return new ProcessEntry(
    {
      ...{ pid, startLow: pid, startHigh: 0, uid: 0, auid: 0, flags },
      ...{ cwd: "/", binary, arguments: args, workload: where },
      capabilities: { effective: ["CAP_CHOWN", "CAP_BPF"] },
    },
    {
      ...{ execId: `id${pid}`, seconds: 0, nanos: 0 },
      ...{ parent, parentExecId: parent?.execId ?? "" },
    },
  );
}

const init = processEntry(1, "/sbin/init", "");
const shell = processEntry(10, "/bin/sh", "-c x", init);
const parent = processEntry(11, "/usr/bin/node", "server.js", shell);
const host = processEntry(12, "/usr/bin/curl", "https://x -k", parent);
const pod = processEntry(13, "/app/web", "--port 80", parent, workload);

const hook = ruleText({
  id: 1,
  policyName: "p1",
  policyNamespace: "",
  functionName: "f",
  args: [],
  message: "",
  tags: [],
  eventKind: "process_kprobe",
});

const event = (process: ProcessEntry, over: Partial<SensorEvent> = {}): SensorEvent => ({
  ...createSensorEvent(),
  process,
  parent: process.parent,
  ...over,
});

const filter = (json: unknown): Filter => fromProtoJson("tetragon.Filter", json);

/** A process that no filter of the test wants. */
function unlike(): ProcessEntry {
  const image = { ...{ pid: 1, startLow: 1, startHigh: 0, uid: 0, auid: 0, flags: 0 }, cwd: "/" };
  return new ProcessEntry(
    { ...image, binary: "/x", arguments: "", workload: noWorkload },
    { ...{ execId: "id", seconds: 0, nanos: 0 }, parent: undefined, parentExecId: "" },
  );
}

function compile(allow: unknown[], deny: unknown[] = [], withCredentials = true) {
  const lists = { allow: allow.map(filter), deny: deny.map(filter) };
  return compileFilters(lists, { withCredentials });
}

function passes(json: unknown, on: SensorEvent): boolean {
  const { value, problems } = compile([json]);
  if (value === undefined) throw new Error(JSON.stringify(problems));
  // Twice: what a process remembers must not change the answer.
  return value(on) && value(on);
}

describe("filters", () => {
  it.each([
    [{}, true],
    [{ binary_regex: ["curl$"] }, true],
    [{ binary_regex: ["^curl"] }, false],
    [{ binary_regex: ["wget", "cu.l"] }, true],
    [{ arguments_regex: ["https?://"] }, true],
    [{ parent_binary_regex: ["node"] }, true],
    [{ parent_arguments_regex: ["server"] }, true],
    [{ parent_binary_regex: ["curl"] }, false],
    [{ ancestor_binary_regex: ["^/sbin/init$"] }, true],
    [{ ancestor_binary_regex: ["node"] }, false],
    [{ pid: [12, 99] }, true],
    [{ pid: [10] }, false],
    [{ pid_set: [10] }, true],
    [{ pid_set: [99] }, false],
    [{ event_set: ["PROCESS_EXEC"] }, true],
    [{ event_set: ["PROCESS_EXIT", "PROCESS_KPROBE"] }, false],
    [{ policy_names: ["p1"] }, false],
    [{ namespace: [""] }, true],
    [{ namespace: ["prod"] }, false],
    [{ health_check: false }, true],
    [{ health_check: true }, false],
    [{ in_init_tree: false }, true],
    [{ labels: ["!app"] }, false],
    [{ capabilities: { effective: { any: ["CAP_BPF"], none: ["CAP_KILL"] } } }, true],
    [{ capabilities: { effective: { exactly: ["CAP_BPF"] } } }, false],
    [{ capabilities: { effective: { exactly: ["CAP_BPF", "CAP_CHOWN"] } } }, true],
    [{ capabilities: { permitted: { any: ["CAP_BPF"] } } }, false],
    [{ binary_regex: ["curl"], pid: [10] }, false],
  ])("%j on a process of the host: %s", (json, expected) => {
    expect(passes(json, event(host))).toBe(expected);
  });

  it.each([
    [{ namespace: ["prod"] }, true],
    [{ namespace: [""] }, false],
    [{ namespace_regex: ["^pr"] }, true],
    [{ pod_regex: ["^web-\\d$"] }, true],
    [{ container_id: ["^abc"] }, true],
    [{ container_name_regex: ["main"] }, true],
    [{ labels: ["app in (web,db)"] }, true],
    [{ labels: ["app=db", "app=web"] }, true],
    [{ health_check: true }, false],
    [{ health_check: false }, true],
    [{ in_init_tree: true }, true],
    [{ policy_names: ["p1", "p2"], event_set: ["PROCESS_KPROBE"] }, true],
  ])("%j on a process of a pod: %s", (json, expected) => {
    expect(passes(json, event(pod, { kind: eventKind.kprobe, hook }))).toBe(expected);
  });

  it.each([
    ["the probe of its container", "/bin/check", "-a", true],
    ["a child of the probe", "/bin/grep", "", true],
    ["what the container itself started like the probe", "/bin/check", "-a", false],
    ["a process that somebody else started in it", "/bin/sh", "", false],
  ])("health_check on %s", (what, name, args, expected) => {
    const probe = new ProcessEntry(
      { ...pod, flags: 0, binary: "/bin/check", arguments: "-a", workload, startLow: 1 },
      pod,
    );
    const parentOf = what.startsWith("a child") ? probe : parent;
    const flags = what.includes("itself") ? processFlag.inInitTree : 0;
    const one = new ProcessEntry(
      { ...pod, flags, binary: name, arguments: args, workload, startLow: 2 },
      { ...pod, parent: parentOf },
    );
    expect(passes({ health_check: true }, event(one))).toBe(expected);
    expect(passes({ health_check: false }, event(one))).toBe(!expected);
  });

  it("find the user of a session, and of each of its candidates", () => {
    const entry = (session: Session) => Object.assign(processEntry(14, "/bin/sh", ""), { session });
    const alice = entry({ kind: "exec", user: "alice" });
    const either = entry({ kind: "exec", candidates: [{ user: "bob" }, { user: "alice" }] });
    const found = (...user: string[]) =>
      [alice, either, entry({ unannounced: true }), host].map((one) =>
        passes({ user }, event(one)),
      );
    expect(found("alice")).toEqual([true, true, false, false]);
    expect(found("carol", "bob")).toEqual([false, true, false, false]);
    expect(found("")).toEqual([false, false, false, false]);
  });

  it("deny wins over allow, and marks of loss pass everything", () => {
    const { value } = compile([{ binary_regex: ["curl"] }, { pid: [13] }], [{ pid: [12] }]);
    const mark = { ...createSensorEvent(), kind: eventKind.rateLimitInfo, isMark: true };
    expect([event(host), event(pod), event(shell), mark].map((on) => value?.(on))).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });

  it("say everything that is wrong", () => {
    const { problems } = compile(
      [{ binary_regex: ["(", "ok", "[a"] }, { cel_expression: ["true", "1 +"] }],
      [{ labels: ["a b"] }, { capabilities: { effective: { any: ["CAP_BPF"] } } }],
      false,
    );
    expect(problems?.map(({ path }) => path)).toEqual([
      "allow_list[0].binary_regex[0]",
      "allow_list[0].binary_regex[2]",
      "allow_list[1].cel_expression[1]",
      "deny_list[0].labels[0]",
      "deny_list[1].capabilities",
    ]);
  });

  it("refuse values that only a newer sensor knows", () => {
    const decoded = codec("tetragon.Filter").decode(
      // event_set: 7777; capabilities.effective.none: 99
      Buffer.from([0x32, 2, 0xe1, 0x3c, 0x5a, 5, 0x12, 3, 0x22, 1, 99]),
    );
    const options = { withCredentials: true };
    const { problems } = compileFilters({ allow: [], deny: [decoded] }, options);
    expect(problems).toEqual([
      { path: "deny_list[0].event_set[0]", message: 'there is no kind of event "7777"' },
      {
        path: "deny_list[0].capabilities.effective.none[0]",
        message: 'there is no capability "99"',
      },
    ]);
  });

  it("have a condition for each field of the message, or refuse it with a sentence", () => {
    for (const name of Object.keys(reflection().lookupType("tetragon.Filter").fields)) {
      const list = name === "capabilities" ? { effective: { any: ["CAP_BPF"] } } : ["PROCESS_EXIT"];
      const value = ["health_check", "in_init_tree"].includes(name) ? true : list;
      const json = name.startsWith("pid") ? [99] : name === "cel_expression" ? ["false"] : value;
      // A field that is ignored would let it pass.
      expect([name, passes({ [name]: json }, event(host, { process: unlike() }))]).toEqual([
        name,
        false,
      ]);
    }
  });

  it("take linear time, whatever the expression", () => {
    const slow = processEntry(20, `${"a".repeat(20_000)}!`, "");
    const started = performance.now();
    expect(passes({ binary_regex: ["^(a+)+$", "(a|aa)*c", "(.*)*x$"] }, event(slow))).toBe(false);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("forget what they found out when a process changes", () => {
    const moved = processEntry(30, "/bin/x", "", init);
    const { value } = compile([{ namespace_regex: ["prod"] }]);
    expect(value?.(event(moved))).toBe(false);
    moved.workload = workload;
    expect(value?.(event(moved))).toBe(true);
  });
});
