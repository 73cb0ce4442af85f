// SPDX-License-Identifier: Apache-2.0
import { gzipSync } from "node:zlib";
import { createLogger } from "@gander/base";
import { buildBtf } from "@gander/btf/testing";
import { type CompiledPolicy, checkPolicy } from "@gander/policy";
import { type Messages, streamCodec } from "@gander/proto/stream";
import { describe, expect, it } from "vitest";
import { createCheckFleet, type FleetKernels } from "./check-fleet.ts";

const codec = streamCodec("gander.v1.KernelFacts");
type Facts = Messages["gander.v1.KernelFacts"];

function facts(
  release: string,
  functions: readonly string[],
  more: Partial<Facts> = {},
): Uint8Array {
  const btf = gzipSync(buildBtf({ functions }));
  const symbols = gzipSync("");
  return codec.encode({ release, btf, active_lsms: ["bpf"], symbols, ...more });
}

const old = facts("6.1.0", ["int tcp_connect(struct sock *sk)"]);
const recent = facts("6.12.0", ["int tcp_connect(struct sock *sk)", "int fresh(int a)"]);

function policyFor(call: string, more = ""): CompiledPolicy {
  const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {${more} kprobes: [{call: ${call}, syscall: false}]}}`;
  const compiled = checkPolicy(text, { file: "a" }).value?.[0]?.compiled;
  if (compiled === undefined) throw new Error(text);
  return compiled;
}

/** Nodes by name, and the kernel of each. */
function fleet(
  nodes: Readonly<Record<string, string>>,
  known: Readonly<Record<string, Uint8Array>>,
) {
  let reads = 0;
  const kernels: FleetKernels = {
    nodes: () => Object.entries(nodes).map(([node, kernel]) => ({ node, kernel })),
    labels: (node) => (node === "unread" ? undefined : { pool: node.split("-")[0] ?? "" }),
    facts: (digest) => {
      reads += 1;
      return known[digest];
    },
  };
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  const check = createCheckFleet({ kernels, logger }, { kept: 2 });
  return {
    lines,
    reads: () => reads,
    async check(policy: CompiledPolicy, signal = AbortSignal.timeout(5_000)) {
      const { findings, nodes: all, unknown } = await check(policy, { signal });
      const texts = findings.map(
        ({ severity, message, kernels: on }) =>
          `${severity} ${message.split(",")[0]} on ${on.map((one) => `${one.release} x${one.nodes}`)}`,
      );
      return [...texts, `${all} nodes, ${unknown} unknown`];
    },
  };
}

describe("createCheckFleet", () => {
  const nodes = { "old-1": "o", "old-2": "o", "new-1": "n", "new-2": "?", "none-1": "" };

  it("counts nodes by what their kernel says", async () => {
    const { check } = fleet(nodes, { o: old, n: recent });
    expect(await check(policyFor("tcp_connect"))).toEqual(["5 nodes, 2 unknown"]);
    expect(await check(policyFor("fresh"))).toEqual([
      "error this kernel has no function fresh on 6.1.0 x2",
      "5 nodes, 2 unknown",
    ]);
  });

  it("asks only kernels of nodes that the policy is for", async () => {
    const { check } = fleet({ ...nodes, unread: "o" }, { o: old, n: recent });
    const selects = (pool: string) =>
      policyFor("fresh", `nodeSelector: {matchLabels: {pool: ${pool}}},`);
    // What isn't read yet may be one of them.
    expect(await check(selects("new"))).toEqual([
      "error this kernel has no function fresh on 6.1.0 x1",
      "3 nodes, 1 unknown",
    ]);
    expect(await check(selects("old"))).toEqual([
      "error this kernel has no function fresh on 6.1.0 x3",
      "3 nodes, 0 unknown",
    ]);
  });

  it("keeps few kernels unpacked", async () => {
    const many = fleet({ a: "o", b: "n", c: "x" }, { o: old, n: recent, x: old });
    await many.check(policyFor("fresh"));
    await many.check(policyFor("fresh"));
    expect(many.reads()).toBe(6);
    const few = fleet({ a: "o", b: "n" }, { o: old, n: recent });
    await few.check(policyFor("fresh"));
    await few.check(policyFor("fresh"));
    expect(few.reads()).toBe(2);
  });

  it.each<[string, Uint8Array]>([
    ["no message", Buffer.from("nonsense")],
    ["no types", codec.encode({ release: "6.1.0" })],
    ["types that aren't packed", codec.encode({ release: "6.1.0", btf: buildBtf({}) })],
    [
      "types that are cut",
      codec.encode({ release: "6.1.0", btf: gzipSync(buildBtf({}).subarray(0, 20)) }),
    ],
    [
      "types without end",
      codec.encode({ release: "6.1.0", btf: gzipSync(Buffer.alloc(40 << 20)) }),
    ],
    ["names without end", facts("6.1.0", [], { symbols: gzipSync(Buffer.alloc(20 << 20)) })],
  ])("says what it couldn't read: %s", async (_, encoded) => {
    const { check, lines } = fleet({ a: "bad", b: "n" }, { bad: encoded, n: recent });
    expect(await check(policyFor("fresh"))).toEqual([
      "warning what its sensor told of this kernel cannot be read on bad x1",
      "2 nodes, 0 unknown",
    ]);
    expect(lines).toHaveLength(1);
  });

  it("stops when the time is over", async () => {
    const { check } = fleet(nodes, { o: old, n: recent });
    expect(await check(policyFor("fresh"), AbortSignal.abort())).toEqual(["5 nodes, 5 unknown"]);
  });
});
