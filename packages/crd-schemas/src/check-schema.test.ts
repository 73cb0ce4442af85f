// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  checkPolicyStatusSchema,
  checkTracingPolicySchema,
  checkTracingPolicyStatusSchema,
  schemaAt,
} from "./check-schema.ts";

const policy = (spec: unknown) => ({
  apiVersion: "cilium.io/v1alpha1",
  kind: "TracingPolicy",
  metadata: { name: "a" },
  spec,
});

describe("checkTracingPolicySchema", () => {
  it("accepts every section of the language", () => {
    const hook = {
      args: [{ index: 0, type: "int" }],
      selectors: [{ matchArgs: [{ index: 0, operator: "Equal", values: ["1"] }] }],
      tags: ["ab"],
    };
    const document = policy({
      kprobes: [{ call: "f", ...hook, return: true, returnArg: { index: 0, type: "int" } }],
      fentries: [{ call: "f", ...hook }],
      tracepoints: [{ subsystem: "a", event: "b", ...hook, raw: true }],
      lsmhooks: [{ hook: "h", ...hook }],
      uprobes: [{ path: "/x", symbols: ["f"], ...hook }],
      usdts: [{ path: "/x", provider: "p", name: "n", ...hook }],
      loader: true,
      lists: [{ name: "l", type: "syscalls", values: ["sys_dup"] }],
      enforcers: [{ calls: ["sys_dup"] }],
      options: [{ name: "policy-mode", value: "monitor" }],
      selectorsMacros: { m: { matchPIDs: [{ operator: "In", values: [1] }] } },
      podSelector: {
        matchLabels: { app: "x" },
        matchExpressions: [{ key: "a", operator: "In", values: ["b"] }],
      },
      hostSelector: {},
    });
    expect(checkTracingPolicySchema(document)).toEqual([]);
  });

  it("fills in defaults", () => {
    const document = policy({ kprobes: [{ call: "f", args: [{ index: 0 }] }] });
    checkTracingPolicySchema(document);
    expect(document.spec).toMatchObject({
      kprobes: [{ syscall: true, return: false, args: [{ type: "auto" }] }],
    });
  });

  it.each([
    [{ kprobes: [{ call: "f", callee: 1 }] }, ["spec", "kprobes", 0], "additionalProperties"],
    [{ kprobes: [{}] }, ["spec", "kprobes", 0], "required"],
    [{ kprobes: [{ call: 7 }] }, ["spec", "kprobes", 0, "call"], "type"],
    [
      { kprobes: [{ call: "f", args: [{ index: -1 }] }] },
      ["spec", "kprobes", 0, "args", 0, "index"],
      "minimum",
    ],
    [
      { kprobes: [{ call: "f", args: [{ index: 2 ** 32 }] }] },
      ["spec", "kprobes", 0, "args", 0, "index"],
      "maximum",
    ],
    [
      { kprobes: [{ call: "f", tags: Array(17).fill("ab") }] },
      ["spec", "kprobes", 0, "tags"],
      "maxItems",
    ],
    [{ lists: [{ name: "x", type: "y" }] }, ["spec", "lists", 0, "type"], "enum"],
  ])("%j", (spec, path, keyword) => {
    expect(checkTracingPolicySchema(policy(spec))).toEqual([
      expect.objectContaining({ path, keyword }),
    ]);
  });

  it.each([
    [{ kprobes: [{ call: "f", return: true }] }, "return: true needs returnArg"],
    [{ hostSelector: { matchLabels: {} } }, "hostSelector must be empty"],
    [
      { uprobes: [{ path: "/x", symbols: [], addrs: [] }] },
      "symbols, offsets and addrs exclude each other",
    ],
    [
      {
        kprobes: [
          {
            call: "f",
            selectors: [{ matchActions: [{ action: "Override", argNewAddr: 1, argNewOffset: 1 }] }],
          },
        ],
      },
      "argNewSymbol, argNewAddr and argNewOffset exclude each other",
    ],
  ])("%j", (spec, message) => {
    expect(checkTracingPolicySchema(policy(spec))).toEqual([
      expect.objectContaining({ rule: expect.objectContaining({ message }) }),
    ]);
  });
});

it("schemaAt follows fields, lists and maps", () => {
  expect(schemaAt(["spec", "selectorsMacros", "m", "matchPIDs", 0])).toMatchObject({
    name: "PIDSelector",
  });
  expect(schemaAt(["spec", "nope", 0])).toBeUndefined();
});

const ready = {
  type: "Ready",
  status: "True",
  reason: "InForce",
  message: "It is in force on 97 nodes.",
  lastTransitionTime: "2026-11-20T12:00:00Z",
};

const summary = {
  conditions: [ready],
  mode: "enforce",
  revision: 7,
  nodes: { ready: 97, total: 100, readyOfTotal: "97/100" },
  hits: 1000,
  enforced: 10,
  lost: 0,
};

const node = (name: string) => ({
  name,
  state: "failed",
  reason: "kernel-load",
  message: "Cannot load it.",
  runningRevision: 6,
});

const policyStatus = (status: unknown) => ({
  apiVersion: "gander.dev/v1alpha1",
  kind: "PolicyStatus",
  metadata: { name: "a", resourceVersion: "5" },
  status,
});

describe("what the operator writes", () => {
  it("as the status of a policy, whatever its spec is", () => {
    const status = {
      observedGeneration: 3,
      ...summary,
      conditions: [{ ...ready, observedGeneration: 3 }],
    };
    expect(checkTracingPolicyStatusSchema({ ...policy({ anything: 1 }), status })).toEqual([]);
    const unset = { observedGeneration: -1 };
    expect(checkTracingPolicyStatusSchema({ ...policy({}), status: unset })).toEqual([]);
  });

  it("as PolicyStatus", () => {
    const status = {
      policyGeneration: 3,
      ...summary,
      states: { ready: 97, failed: 2, disconnected: 1 },
      worstNodes: [node("n1"), node("n2")],
    };
    expect(checkPolicyStatusSchema(policyStatus(status))).toEqual([]);
  });

  it.each([
    [{ worstNodes: Array(11).fill(node("n")) }, ["status", "worstNodes"], "maxItems"],
    [{ states: { broken: 1 } }, ["status", "states"], "additionalProperties"],
    [{ conditions: [{ ...ready, status: "true" }] }, ["status", "conditions", 0, "status"], "enum"],
    [
      { conditions: [{ ...ready, lastTransitionTime: "today" }] },
      ["status", "conditions", 0, "lastTransitionTime"],
      "pattern",
    ],
    [
      { conditions: [{ ...ready, message: "x".repeat(1025) }] },
      ["status", "conditions", 0, "message"],
      "maxLength",
    ],
    [{ hits: 1.5 }, ["status", "hits"], "type"],
    [
      { conditions: [{ ...ready, observedGeneration: 3 }] },
      ["status", "conditions", 0],
      "additionalProperties",
    ],
  ])("but not %j", (status, path, keyword) => {
    expect(checkPolicyStatusSchema(policyStatus(status))).toEqual([
      expect.objectContaining({ path, keyword }),
    ]);
  });
});
