// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import {
  checkPolicyStatusSchema,
  checkTracingPolicyStatusSchema,
  conditionTypes,
  nodeStates,
} from "@gander/crd-schemas";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PolicyRollout } from "../policies/policy-rollouts.ts";
import { defaultRollout } from "../policies/rollout-settings.ts";
import { noTotals } from "../sensors/policy-totals.ts";
import type { SetTrouble } from "../sets/set-catalog.ts";
import type { FleetNode, FleetPolicy, FleetRevision } from "./fleet-view.ts";
import { policyVerdicts } from "./policy-state.ts";
import { type PolicyStatuses, policyStatuses } from "./policy-status-objects.ts";

const none = Object.fromEntries(nodeStates.map((state) => [state, 0])) as FleetRevision["states"];

const onNodes = (generation: number, some: Partial<FleetRevision["states"]>): FleetRevision => {
  const states = { ...none, ...some };
  const nodes = Object.values(states).reduce((sum, count) => sum + count, 0);
  const answered = nodes - states.pending - states.disconnected;
  return {
    generation,
    digest: "",
    nodes,
    answered,
    ready: states.ready + states.degraded,
    states,
  };
};

function fleetOf(
  revisions: readonly FleetRevision[],
  worst: readonly FleetNode[] = [],
): FleetPolicy {
  const sum = (of: (one: FleetRevision) => number) =>
    revisions.reduce((total, one) => total + of(one), 0);
  return {
    uid: "u",
    generation: revisions[0]?.generation ?? 0,
    nodes: sum(({ nodes }) => nodes),
    answered: sum(({ answered }) => answered),
    ready: sum(({ ready }) => ready),
    states: Object.fromEntries(
      nodeStates.map((state) => [state, sum(({ states }) => states[state])]),
    ) as FleetRevision["states"],
    revisions,
    worst,
    totals: { ...noTotals, hits: 7, enforced: 1, emitted: 7 },
  };
}

const problem: Problem = {
  file: "",
  path: "spec.kprobes[0].call",
  line: 0,
  column: 0,
  code: "input-too-large",
  message: "the call is unknown",
  hint: "write another",
  severity: "error",
};

const rolloutOf = (
  phase: PolicyRollout["phase"],
  more: Partial<Omit<PolicyRollout, "settings">> & {
    readonly settings?: Partial<PolicyRollout["settings"]>;
    readonly generation?: number;
    readonly problems?: readonly Problem[];
  } = {},
): PolicyRollout => {
  const { generation = 2, problems = [problem], settings, ...rest } = more;
  return {
    policy: {
      kind: "TracingPolicy",
      uid: "u",
      namespace: "",
      name: "p",
      generation,
      annotations: {},
      fuse: {},
      fuseProblems: [],
      createdAt: "2026-11-20T15:00:00Z",
      object: {},
      compiled: { problems },
      status: undefined,
    },
    settings: {
      ...defaultRollout,
      isPaused: false,
      promote: undefined,
      abort: undefined,
      problems: [],
      ...settings,
    },
    phase,
    exceptions: [],
    shares: [],
    mode: "enforce",
    progress: undefined,
    newest: undefined,
    setTroubles: [],
    ...rest,
  };
};

const failing: FleetNode = {
  name: "node-1",
  state: "failed",
  code: "hook-not-found",
  message: "no such function",
  runningGeneration: 1,
};

/** `Ready=True AllNodesReady; …` of those that say something: True ones, and Ready. */
const shown = (rollout: PolicyRollout, fleet: FleetPolicy | undefined) => {
  const verdicts = policyVerdicts(rollout, fleet);
  return conditionTypes
    .filter((type) => type === "Ready" || verdicts[type].status === "True")
    .map(
      (type) =>
        `${type === "Ready" ? `Ready=${verdicts[type].status}` : type} ${verdicts[type].reason}`,
    )
    .join("; ");
};

it("counts nodes that have no generation of a new policy yet", () => {
  const fleet = { ...fleetOf([onNodes(1, { ready: 1 })]), nodes: 3 };
  const { policy } = policyStatuses({
    ...{ rollout: rolloutOf("canary", { generation: 1 }), fleet, shown: [], now: new Date() },
  });
  expect(policy.nodes).toEqual({ ready: 1, total: 3, readyOfTotal: "1/3" });
});

describe("conditions", () => {
  it("say of calls that were not judged, without their number: it would change all the time", () => {
    const fleet = fleetOf([onNodes(2, { ready: 3 })]);
    const rollout = rolloutOf("everywhere", { problems: [] });
    const statusOf = (totals: Partial<FleetPolicy["totals"]>) =>
      policyStatuses({
        ...{ rollout, shown: [], now: new Date(0) },
        fleet: { ...fleet, totals: { ...fleet.totals, ...totals } },
      }).rollUp;
    const ready = (status: PolicyStatuses["rollUp"]) =>
      status.conditions?.find(({ type }) => type === "Ready");
    expect(ready(statusOf({ unknown: 4 }))?.reason).toBe("AllNodesReady");
    expect(ready(statusOf({ missed: 4 }))).toEqual(ready(statusOf({ missed: 5, unevaluated: 1 })));
    expect(ready(statusOf({ missed: 4 }))).toMatchObject({
      ...{ status: "True", reason: "CallsNotJudged" },
      message: expect.stringContaining("see missed and unevaluated"),
    });
    expect(statusOf({ missed: 5, unknown: 2 })).toMatchObject({ missed: 5, unknown: 2 });
    expect(statusOf({})).not.toHaveProperty("missed");
  });

  it.each<[Partial<FleetRevision["states"]>, string]>([
    [{ ready: 3 }, "Accepted Valid; Programmed AllNodesAnswered; Ready=True AllNodesReady"],
    [
      { ready: 2, degraded: 1 },
      "Accepted Valid; Programmed AllNodesAnswered; Ready=True NodesDegraded",
    ],
    [{ ready: 2, pending: 1 }, "Accepted Valid; Ready=False RollingOut; Reconciling RollingOut"],
    [
      { ready: 2, pending: 1, failed: 1 },
      "Accepted Valid; Ready=False RollingOut; Reconciling RollingOut",
    ],
    [
      { ready: 2, disconnected: 1 },
      "Accepted Valid; Ready=False NodesDisconnected; Reconciling NodesDisconnected",
    ],
    [
      { ready: 2, disconnected: 1, failed: 1 },
      "Accepted Valid; Ready=False NodesFailed; Stalled NodesFailed",
    ],
    [
      { ready: 2, refused: 1 },
      "Accepted Valid; Programmed AllNodesAnswered; Ready=False NodesRefused; Stalled NodesRefused",
    ],
    [
      { ready: 2, unsupported: 1 },
      "Accepted Valid; Programmed AllNodesAnswered; Ready=False NodesUnsupported; Stalled NodesUnsupported",
    ],
    [
      { unsupported: 3 },
      "Accepted Valid; Programmed AllNodesAnswered; Ready=False UnsupportedEverywhere; Stalled UnsupportedEverywhere",
    ],
    [{}, "Accepted Valid; Programmed NoNodes; Ready=True NoNodes"],
  ])("of a policy that goes everywhere, with %j", (states, expected) => {
    expect(shown(rolloutOf("everywhere"), fleetOf([onNodes(2, states)]))).toBe(expected);
  });

  it.each<[PolicyRollout, FleetPolicy | undefined, string]>([
    [
      rolloutOf("rejected"),
      fleetOf([onNodes(1, { ready: 3 })]),
      "Ready=False Invalid; Stalled Invalid",
    ],
    [
      rolloutOf("aborted"),
      fleetOf([onNodes(1, { ready: 3 })]),
      "Accepted Valid; Ready=False Aborted; Stalled Aborted",
    ],
    [
      rolloutOf("held", { settings: { isPaused: true } }),
      undefined,
      "Accepted Valid; Ready=False Paused; Reconciling Paused",
    ],
    [rolloutOf("choosing"), undefined, "Accepted Valid; Ready=False Canary; Reconciling Canary"],
    [
      rolloutOf("canary"),
      fleetOf([onNodes(2, { ready: 1 }), onNodes(1, { ready: 9 })]),
      "Accepted Valid; Ready=False Canary; Reconciling Canary",
    ],
    [
      rolloutOf("canary", { settings: { isPaused: true } }),
      fleetOf([onNodes(2, { failed: 1 }), onNodes(1, { ready: 9 })]),
      "Accepted Valid; Ready=False Paused; Reconciling Paused",
    ],
    [
      rolloutOf("canary"),
      fleetOf([onNodes(2, { unsupported: 1 }), onNodes(1, { ready: 9 })]),
      "Accepted Valid; Ready=False CanaryFailed; Stalled CanaryFailed",
    ],
  ])("of other rollouts %#", (rollout, fleet, expected) => {
    expect(shown(rollout, fleet)).toBe(expected);
  });

  it.each<[readonly SetTrouble["state"][], PolicyRollout["phase"], string]>([
    [["missing"], "everywhere", "Ready=False SetMissing; Stalled SetMissing"],
    [["wrong"], "everywhere", "Ready=False SetInvalid; Stalled SetInvalid"],
    [["unread"], "everywhere", "Ready=False SetUnread; Reconciling SetUnread"],
    [["unread", "wrong"], "everywhere", "Ready=False SetInvalid; Stalled SetInvalid"],
    [["wrong"], "held", "Ready=False Paused; Reconciling Paused"],
    [["wrong"], "rejected", "Ready=False Invalid; Stalled Invalid"],
    [["wrong"], "aborted", "Ready=False Aborted; Stalled Aborted"],
    [["wrong"], "canary", "Ready=False Canary; Reconciling Canary"],
    [["wrong"], "choosing", "Ready=False Canary; Reconciling Canary"],
  ])("of sets that are %j, %s", (states, phase, expected) => {
    const setTroubles = states.map((state) => ({
      ...{ state, message: `The set "a" is ${state}`, details: "spec.values[7]: no address" },
    }));
    const rollout = rolloutOf(phase, { setTroubles });
    const fleet = fleetOf([onNodes(2, { ready: 3 })]);
    expect(shown(rollout, fleet).replace("Accepted Valid; ", "")).toBe(expected);
    const { message } = policyVerdicts(rollout, fleet).Ready;
    for (const state of states)
      expect(message).toContain(`The set "a" is ${state}: spec.values[7]: no address`);
    expect(message).toContain("Nodes keep the version that they have, with the values that it has");
  });

  it.each<[string, PolicyRollout, FleetPolicy | undefined]>([
    [
      "Ready on 2 of 3 nodes; 1 failed. node-1: failed, no such function (hook-not-found), generation 1 stays in force",
      rolloutOf("everywhere"),
      fleetOf([onNodes(2, { ready: 2, failed: 1 })], [failing]),
    ],
    [
      "Generation 1 stays in force, ready on 3 of 3 nodes. Generation 2 cannot be used: spec.kprobes[0].call: the call is unknown (input-too-large); write another",
      rolloutOf("rejected"),
      fleetOf([onNodes(1, { ready: 3 })]),
    ],
    [
      "Generation 1 was taken back by annotation; no generation of it is in force",
      rolloutOf("aborted", { generation: 1 }),
      undefined,
    ],
    [
      "Generation 2 goes to 1 node first, ready on 1; 9 nodes to follow after 300 s without failures. Not understood: annotation x",
      rolloutOf("canary", { settings: { problems: ["annotation x"] } }),
      fleetOf([onNodes(2, { ready: 1 }), onNodes(1, { ready: 9 })]),
    ],
    [
      "Generation 1 goes to 1 node first, ready on 1; 2 nodes to follow after 300 s without failures",
      rolloutOf("canary", { generation: 1 }),
      // Of a new policy the other nodes have no generation.
      { ...fleetOf([onNodes(1, { ready: 1 })]), nodes: 3 },
    ],
  ])("say why: %s", (message, rollout, fleet) => {
    expect(policyVerdicts(rollout, fleet).Ready.message).toBe(message);
  });
});

describe("statuses", () => {
  const states = fc.record(
    Object.fromEntries(nodeStates.map((state) => [state, fc.nat(5)])) as Record<
      keyof FleetRevision["states"],
      fc.Arbitrary<number>
    >,
  );
  const text = fc.string({ unit: "grapheme", maxLength: 2000 });
  const node = fc.record({
    name: fc.string({ minLength: 1, maxLength: 300 }),
    state: fc.constantFrom(...nodeStates.filter((one) => one !== "ready")),
    code: fc.string({ maxLength: 200 }),
    message: text,
    runningGeneration: fc.option(fc.nat(9), { nil: undefined }),
  });
  const input = fc.record({
    phase: fc.constantFrom(
      ...(["everywhere", "canary", "choosing", "held", "aborted", "rejected"] as const),
    ),
    isPaused: fc.boolean(),
    problems: fc.array(text, { maxLength: 5 }),
    revisions: fc.array(states, { maxLength: 2 }),
    worst: fc.array(node, { maxLength: 10 }),
  });
  const make = (
    one: typeof input extends fc.Arbitrary<infer T> ? T : never,
  ): PolicyStatuses & { readonly fleet: FleetPolicy | undefined } => {
    const revisions = one.revisions.map((some, i) => onNodes(2 - i, some));
    const fleet = revisions.length === 0 ? undefined : fleetOf(revisions, one.worst);
    const rollout = rolloutOf(one.phase, {
      settings: { isPaused: one.isPaused, problems: one.problems },
      problems: one.problems.map((message) => ({ ...problem, message })),
    });
    return { fleet, ...policyStatuses({ rollout, fleet, shown: [], now: new Date(0) }) };
  };
  const statusOf = ({ policy }: PolicyStatuses, type: string) =>
    policy.conditions?.find((one) => one.type === type)?.status;

  it("are what the definitions take, however much there is to say", () => {
    fc.assert(
      fc.property(input, (one) => {
        const { policy, rollUp } = make(one);
        const metadata = { name: "p" };
        const kind = { apiVersion: "cilium.io/v1alpha1", kind: "TracingPolicy" };
        expect(checkTracingPolicyStatusSchema({ ...kind, metadata, status: policy })).toEqual([]);
        expect(
          checkPolicyStatusSchema({
            apiVersion: "gander.dev/v1alpha1",
            kind: "PolicyStatus",
            metadata,
            status: rollUp,
          }),
        ).toEqual([]);
        expect(JSON.stringify({ policy, rollUp }).length).toBeLessThan(64 * 1024);
      }),
    );
  });

  it("are never Ready before all nodes answered well, nor Reconciling and Stalled at once", () => {
    fc.assert(
      fc.property(input, (one) => {
        const made = make(one);
        const [ready, reconciling, stalled] = ["Ready", "Reconciling", "Stalled"].map(
          (type) => statusOf(made, type) === "True",
        );
        expect([ready, reconciling, stalled].filter(Boolean)).toHaveLength(1);
        if (!ready) return;
        expect(one.phase).toBe("everywhere");
        const { ready: fine = 0, degraded = 0 } = made.rollUp.states ?? {};
        expect(fine + degraded).toBe(made.fleet?.nodes ?? 0);
        expect(statusOf(made, "Programmed")).toBe("True");
      }),
    );
  });

  it("keep the time of a condition's last change", () => {
    const rollout = rolloutOf("everywhere");
    const at = (seconds: number) => new Date(seconds * 1000);
    const first = policyStatuses({
      rollout,
      fleet: fleetOf([onNodes(2, { pending: 1 })]),
      shown: [],
      now: at(0),
    });
    const second = policyStatuses({
      rollout,
      fleet: fleetOf([onNodes(2, { ready: 1 })]),
      shown: first.policy.conditions ?? [],
      now: at(60),
    });
    const times = second.policy.conditions?.map(({ type, lastTransitionTime }) => [
      type,
      lastTransitionTime,
    ]);
    expect(times).toEqual([
      ["Accepted", "1970-01-01T00:00:00Z"],
      ["Programmed", "1970-01-01T00:01:00Z"],
      ["Ready", "1970-01-01T00:01:00Z"],
      ["Reconciling", "1970-01-01T00:01:00Z"],
      ["Stalled", "1970-01-01T00:00:00Z"],
    ]);
  });
});
