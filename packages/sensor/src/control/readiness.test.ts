// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { type ClusterShare, createReadiness } from "./readiness.ts";

const whole: ClusterShare = { source: "operator", isWhole: true, exceptions: [] };
const failing = (runningGeneration: number): ClusterShare["exceptions"] => [
  { uid: "u1", message: "the table is full", runningGeneration },
];
const before = [{ uid: "u1", name: "guard" }];
const reasons = (
  cluster: ClusterShare | undefined,
  { had = before, left = [] as readonly string[] } = {},
) => createReadiness({ cluster, before: had, unrestored: () => left })();

describe("a sensor", () => {
  it.each<[string, ClusterShare | undefined]>([
    ["without an operator", undefined],
    ["with the operator's version", whole],
    ["with the last version from disk", { ...whole, source: "disk" }],
    ["with an older generation of a policy in force", { ...whole, exceptions: failing(3) }],
  ])("%s is ready", (_, cluster) => expect(reasons(cluster)).toEqual([]));

  it("is not ready until it has policies of its operator", () => {
    expect(reasons({ ...whole, source: "nothing" })).toEqual([
      "the operator has not sent this node's policies yet",
    ]);
    expect(reasons({ ...whole, source: "disk", isWhole: false })).toEqual([
      "of the stored policies some are lost, and the operator has not sent them again",
    ]);
  });

  it("is not ready if it cannot put in force what the earlier sensor had in force", () => {
    expect(reasons({ ...whole, exceptions: failing(0) })).toEqual([
      'policy "guard" was in force before this sensor, which cannot put it in force: the table is full',
    ]);
    expect(reasons({ ...whole, exceptions: failing(0) }, { had: [] })).toEqual([]);
    expect(reasons(undefined, { left: ["mine"] })).toEqual([
      'policy "mine" of the earlier sensor is in force only in its own programs',
    ]);
  });

  it("stays ready when a policy fails later", () => {
    const cluster = { ...whole };
    const problems = createReadiness({ cluster, before, unrestored: () => [] });
    expect(problems()).toEqual([]);
    Object.assign(cluster, { exceptions: failing(0) });
    expect(problems()).toEqual([]);
  });
});
