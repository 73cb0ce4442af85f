// SPDX-License-Identifier: Apache-2.0
import type { FleetPolicy, PolicyNode } from "@gander/proto/stream";
import { describe, expect, it } from "vitest";
import {
  coverageText,
  describeFleet,
  describeNodes,
  describePolicies,
  describePolicy,
} from "./fleet-text.ts";

const away = (node: string): PolicyNode => ({
  node,
  state: "NODE_STATE_DISCONNECTED",
  code: "sensor-not-connected",
  message: "The sensor is away",
});

const policy: FleetPolicy = {
  name: "guard",
  generation: "3",
  mode: "enforce",
  nodes: 20,
  answered: 6,
  ready: 5,
  states: [
    { state: "NODE_STATE_READY", nodes: 5 },
    { state: "NODE_STATE_FAILED", nodes: 1 },
    { state: "NODE_STATE_DISCONNECTED", nodes: 14 },
  ],
  worst: [
    { node: "n1", state: "NODE_STATE_FAILED", code: "hook-missing", message: "no \u001b[31mhook" },
    ...["n2", "n3", "n4", "n5"].map(away),
  ],
  counts: { hits: "10", emitted: "4", filtered: "6", enforced: "1" },
};

describe("the fleet for people", () => {
  it("says each reason once, with the first nodes it holds for, and nothing a terminal acts on", () => {
    expect(describePolicies([policy], undefined).split("\n").slice(3)).toEqual([
      "guard: failed on n1: no \\x1b[31mhook (hook-missing)",
      "guard: disconnected on n2, n3, n4 and 11 more: The sensor is away (sensor-not-connected)",
    ]);
  });

  it("says why a sensor cannot start, a line for each reason", () => {
    const problem = "CAP_BPF is missing.\n\u001b[31mBTF is missing.";
    const status = { nodes: 2, connected: 1, disconnected: ["n2"] };
    expect(
      describeFleet({ ...status, start_problems: [{ node: "n2", problem }] }).split("\n"),
    ).toEqual(
      expect.arrayContaining([
        "n2 cannot start: CAP_BPF is missing.",
        "n2 cannot start: \\x1b[31mBTF is missing.",
      ]),
    );
  });

  it("tells how a policy fares, and what it did", () => {
    expect(describePolicy({ ...policy, worst: [] })).toBe(
      [
        "guard: generation 3, mode enforce",
        "not in force everywhere: ready on 5 of 20 nodes (1 failed, 14 disconnected)",
        "hits: 10 (4 events, 6 filtered out, 0 suppressed, 0 lost), 1 enforced",
      ].join("\n"),
    );
    const gaps = { ...policy.counts, missed: "3", unevaluated: "2", unknown: "1" };
    expect(describePolicy({ ...policy, counts: gaps })).toContain(
      "\nnot judged: 3 calls skipped by the kernel, 2 calls without memory to evaluate them, 1 filters decided without the fact they test\n",
    );
    const everywhere = { ...policy, nodes: 5, ready: 5, states: [], worst: [] };
    expect(describePolicy(everywhere)).toContain("\nin force: ready on 5 of 5 nodes\n");
    const broken = describePolicy({ ...everywhere, problems: ["spec.kprobes: must be a list"] });
    expect(broken).toContain("\nnot in force everywhere: ready on 5 of 5 nodes\n");
    expect(broken).toContain("\nspec.kprobes: must be a list");
  });

  it("tells of revisions while there are several", () => {
    const revisions = [
      { generation: "4", nodes: 2, ready: 1 },
      { generation: "3", nodes: 18, ready: 18 },
    ];
    expect(describePolicy({ ...policy, revisions })).toContain(
      "generation 4: ready on 1 of the 2 nodes that have been sent it\ngeneration 3: ready on 18",
    );
  });

  it("lists nodes where something is wrong first, and by number", () => {
    const ready = (node: string): PolicyNode => ({
      node,
      state: "NODE_STATE_READY",
      running_generation: "3",
    });
    const text = describeNodes([ready("n10"), ready("n2"), away("n7")], undefined);
    const names = text.split("\n").map((line) => line.split(" ")[0]);
    expect(names).toEqual(["NODE", "n7", "n2", "n10"]);
  });

  it("is ready when every node has its sensor and every policy is in force", () => {
    const well = { operator_version: "1.0.0", nodes: 2, connected: 2, policies: 1, ready: 1 };
    expect(describeFleet(well)).toMatch(/^ready: operator 1\.0\.0\n/);
    const text = describeFleet({ ...well, connected: 1, disconnected: ["n1"], unknown: 3 });
    expect(text).toMatch(/^not ready/);
    expect(text).toContain("\nwithout: n1\n");
    expect(text).toContain("sensors of nodes that the cluster doesn't have: 3");
  });
});

describe("which sensors send events", () => {
  it.each([
    [{ watching: 2, refused: 0, connected: 2 }, ""],
    [
      { watching: 0, refused: 0, connected: 2 },
      "0 of 2 sensors send events; 2 have not answered yet, and send theirs as soon as they do",
    ],
    [
      { watching: 5, refused: 1, connected: 7 },
      "5 of 7 sensors send events; 1 can't filter as you ask; 1 have not answered yet, and send theirs as soon as they do",
    ],
    [
      { watching: 1, refused: 1, connected: 2 },
      "1 of 2 sensors send events; 1 can't filter as you ask",
    ],
  ])("%o", (coverage, text) => expect(coverageText(coverage)).toBe(text));
});
