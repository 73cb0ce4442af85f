// SPDX-License-Identifier: Apache-2.0
import { eventKindRows } from "@gander/proto";
import { describe, expect, it } from "vitest";
import type { EventJson } from "./event-json.ts";
import { allowList, EVENT_TYPES, type EventSelection, eventMatcher } from "./event-selection.ts";
import { selectFields } from "./field-selection.ts";

const NOTHING: EventSelection = {
  types: [],
  namespaces: [],
  namespacePatterns: [],
  host: false,
  processes: [],
  pods: [],
  policies: [],
  users: [],
  cel: [],
};

const inPod: EventJson = {
  process_kprobe: {
    process: {
      binary: "/usr/bin/node",
      pid: 7,
      pod: { namespace: "shop", name: "cart-0" },
      session: { user: "alice" },
    },
    parent: { binary: "/sbin/init" },
    policy_name: "net",
  },
  node_name: "n",
};
const session = { candidates: [{ user: "alicia" }, { user: "bob" }] };
const onHost: EventJson = {
  process_exec: { process: { binary: "/bin/ls", session } },
  node_name: "n",
};

it("each kind of event that sensors create can be asked for", () =>
  expect(EVENT_TYPES.toSorted()).toEqual(
    eventKindRows.map(({ name }) => name.toUpperCase()).toSorted(),
  ));

describe("allowList", () => {
  it.each([
    [{}, []],
    [{ types: ["PROCESS_EXEC"] }, [{ event_set: ["PROCESS_EXEC"] }]],
    [{ host: true }, [{ namespace: [""] }]],
    [
      {
        namespaces: ["a"],
        namespacePatterns: ["^b"],
        host: true,
        processes: ["^/bin"],
        pods: ["p"],
        policies: ["q"],
        users: ["u"],
        cel: ["c"],
      },
      [
        {
          namespace: ["a", ""],
          namespace_regex: ["^b"],
          binary_regex: ["^/bin"],
          pod_regex: ["p"],
          policy_names: ["q"],
          user: ["u"],
          cel_expression: ["c"],
        },
      ],
    ],
  ])("%j", (wanted, expected) => expect(allowList({ ...NOTHING, ...wanted })).toEqual(expected));
});

describe("eventMatcher", () => {
  it.each<[Partial<EventSelection>, boolean, boolean]>([
    [{}, true, true],
    [{ types: ["PROCESS_EXEC"] }, false, true],
    [{ namespaces: ["shop"] }, true, false],
    [{ host: true }, false, true],
    [{ namespaces: ["shop"], host: true }, true, true],
    [{ namespaces: ["other"] }, false, false],
    [{ processes: ["node$", "^/opt"] }, true, false],
    [{ pods: ["^cart-"] }, true, false],
    [{ namespacePatterns: ["^sh"] }, true, false],
    [{ namespacePatterns: ["^$"] }, false, true],
    [{ policies: ["net"] }, true, false],
    [{ policies: ["net"], processes: ["^/bin"] }, false, false],
    [{ users: ["alice"] }, true, false],
    [{ users: ["x", "bob"] }, false, true],
    [{ users: ["carol"] }, false, false],
  ])("%j", (wanted, pod, host) => {
    const matches = eventMatcher({ ...NOTHING, ...wanted }, (source) => new RegExp(source));
    expect([matches(inPod), matches(onHost)]).toEqual([pod, host]);
  });
});

describe("selectFields", () => {
  const { process_kprobe: body } = inPod;
  it.each<[string[], string[], unknown]>([
    [[], [], body],
    [["policy_name"], [], { policy_name: "net" }],
    [["process.pid", "parent"], [], { process: { pid: 7 }, parent: { binary: "/sbin/init" } }],
    [
      ["process"],
      ["process.pod", "process.session"],
      { process: { binary: "/usr/bin/node", pid: 7 } },
    ],
    [[], ["process", "parent.nothing"], { parent: { binary: "/sbin/init" }, policy_name: "net" }],
  ])("include %j, exclude %j", (include, exclude, expected) => {
    const selected = selectFields(inPod, include, exclude);
    expect(selected).toEqual({ process_kprobe: expected, node_name: "n" });
  });
});
