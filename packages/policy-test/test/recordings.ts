// SPDX-License-Identifier: Apache-2.0
// For tests: recordings of events that are made up.
import assert from "node:assert/strict";
import { type CheckedPolicy, checkPolicy } from "@gander/policy";
import {
  companionOf,
  DistinctCalls,
  type NeededFact,
  type RecordingHeader,
  type RecordingSummary,
  recordedCall,
} from "../src/recording/index.ts";

export function policyIn(text: string): CheckedPolicy {
  const { value, problems } = checkPolicy(text, { file: "test.yaml" });
  assert.ok(value, problems?.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  const [policy] = value;
  assert.ok(policy);
  return policy;
}

/** A policy of one hook entry, from objects. */
export const policyWith = (kprobe: object, name = "test"): CheckedPolicy =>
  policyIn(
    JSON.stringify({
      ...{ apiVersion: "gander.dev/v1alpha1", kind: "GuardPolicy", metadata: { name } },
      spec: { kprobes: [kprobe] },
    }),
  );

export type EventParts = {
  readonly hook?: number;
  readonly args?: readonly object[];
  readonly process?: object;
  readonly parent?: object;
  readonly more?: object;
};

export const plainProcess = { binary: "/bin/a", in_init_tree: false };

/** The event of a companion. */
export const eventOf = ({ hook = 0, args = [], process, parent, more }: EventParts) => ({
  process_kprobe: {
    process: { ...plainProcess, ...process },
    parent: parent ?? { binary: "/sbin/init" },
    function_name: "security_file_permission",
    args,
    message: `gander-recording-hook-${hook}`,
    ...more,
  },
  time: "2026-11-23T10:00:00.000000000Z",
});

export type TestRecording = {
  readonly header: RecordingHeader;
  readonly calls: DistinctCalls;
  readonly summary: RecordingSummary;
};

/** What a recorder makes of policies and events. */
export function recordingOf(
  policies: readonly CheckedPolicy[],
  events: readonly object[],
  losses: RecordingSummary["losses"] = [],
): TestRecording {
  let firstHook = 0;
  const companions = policies.map((policy, i) => {
    const name = `companion-${i}`;
    const { value, problems } = companionOf(policy, { name, firstHook, withoutPids: [1] });
    assert.ok(value, problems?.map(({ message }) => message).join("\n"));
    firstHook += value.hooks.length;
    return value;
  });
  const hooks = companions.flatMap((one) => one.hooks);
  const needed = new Set<NeededFact>(
    companions.flatMap(({ tested }) => tested.flatMap(({ facts }) => [...facts])),
  );
  const calls = new DistinctCalls({ maxCalls: 1000, maxChars: 1 << 20 });
  for (const event of events) {
    const call = recordedCall(event as Record<string, unknown>, hooks, needed);
    assert.ok(call);
    calls.add(call);
  }
  const time = "2026-11-23T10:00:00.000Z";
  return {
    calls,
    header: {
      ...{ recording: "gander", version: 1, node: "test", from: time, hooks },
      ...{ namespaces: [], pods: [], facts: [...needed] },
    },
    summary: { to: time, calls: calls.total, lines: calls.size, losses },
  };
}
