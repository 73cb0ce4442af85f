// SPDX-License-Identifier: Apache-2.0
import { streamCodec, streamLimits } from "@gander/proto/stream";
import { describe, expect, it } from "vitest";
import { Summaries } from "./summaries.ts";

const counts = (uid: string, hits: bigint) => ({
  ...{ uid, hits, enforced: 0n, emitted: hits },
  ...{ filtered: 0n, suppressed: 0n, lost: 0n, unevaluated: 0n, missed: 0n, unknown: 0n },
});
const uidsOf = (summaries: ReturnType<Summaries["next"]>) =>
  summaries.map(({ policies = [] }) => policies.map(({ uid }) => uid));

describe("summaries of one stream", () => {
  it("tell all policies at first and then those that changed", () => {
    const summaries = new Summaries();
    const of = (...hits: readonly bigint[]) =>
      summaries.next({ since: 7, policies: hits.map((hit, i) => counts(`p${i}`, hit)) });
    expect(of(1n, 0n)).toEqual([
      {
        counting_since: "7",
        policies: [
          expect.objectContaining({ uid: "p0", hits: "1", lost: "0" }),
          expect.objectContaining({ uid: "p1", hits: "0" }),
        ],
      },
    ]);
    expect(uidsOf(of(1n, 0n))).toEqual([]);
    expect(uidsOf(of(1n, 2n))).toEqual([["p1"]]);
  });

  it("tell that there is nothing, once", () => {
    const summaries = new Summaries();
    expect(summaries.next({ since: 7, policies: [] })).toHaveLength(1);
    expect(summaries.next({ since: 7, policies: [] })).toEqual([]);
  });

  it("tell all again when counts began anew, and what went and came again", () => {
    const summaries = new Summaries();
    const of = (since: number, ...uids: readonly string[]) =>
      uidsOf(summaries.next({ since, policies: uids.map((uid) => counts(uid, 1n)) }));
    expect(of(1, "a", "b")).toEqual([["a", "b"]]);
    expect(of(2, "a", "b")).toEqual([["a", "b"]]);
    expect(of(2, "a")).toEqual([]);
    expect(of(2, "a", "b")).toEqual([["b"]]);
  });

  it("fit into messages, also of as many policies as there may be", () => {
    const uid = (i: number) => `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`;
    const large = {
      filtered: 2n ** 47n,
      suppressed: 2n ** 47n,
      lost: 2n ** 47n,
      enforced: 2n ** 47n,
      unevaluated: 2n ** 47n,
      missed: 2n ** 47n,
      unknown: 2n ** 47n,
    };
    const policies = Array.from({ length: streamLimits.policies }, (_, i) => ({
      ...counts(uid(i), 2n ** 47n),
      ...large,
    }));
    const summaries = new Summaries().next({ since: Date.now(), policies });
    const codec = streamCodec("gander.v1.FromSensor");
    for (const summary of summaries)
      expect(codec.encode({ summary }).length).toBeLessThan(streamLimits.fromSensorBytes);
    expect(summaries.flatMap((one) => one.policies)).toHaveLength(streamLimits.policies);
  });
});
