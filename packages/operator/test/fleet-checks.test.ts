// SPDX-License-Identifier: Apache-2.0
import { type CompiledPolicy, checkPolicy } from "@gander/policy";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "./operator-fixture.ts";
import { newAuthority, ReplicaFixture, type TestLease } from "./replica-fixture.ts";
import { tellKernel } from "./tell-kernel.ts";
import { TestSensor } from "./test-sensor.ts";

const old = { release: "6.1.0", functions: ["int tcp_connect(struct sock *sk)"] };
const recent = { release: "6.12.0", functions: [...old.functions, "int fresh(int a)"] };

let authority: Awaited<ReturnType<typeof newAuthority>>;
let stack: AsyncDisposableStack;
const lease: { -readonly [K in keyof TestLease]: TestLease[K] } = { holder: "" };

beforeEach(async () => {
  authority = await newAuthority();
  stack = new AsyncDisposableStack();
  lease.holder = "";
});
afterEach(() => stack.disposeAsync());

const start = async (name: string) =>
  stack.use(await ReplicaFixture.start({ name, lease, authority }));

async function addSensor(replica: ReplicaFixture, node: string, kernel: typeof old): Promise<void> {
  const sensor = stack.use(new TestSensor(replica.sensorPort, `of-${node}`));
  const known = replica.hub.facts.known.size;
  await tellKernel(sensor, node, kernel);
  await eventually(() => replica.hub.facts.known.size > known || known > 0);
}

function policyFor(call: string): CompiledPolicy {
  const text = `{apiVersion: cilium.io/v1alpha1, kind: TracingPolicy, metadata: {name: a}, spec: {kprobes: [{call: ${call}, syscall: false}]}}`;
  const compiled = checkPolicy(text, { file: "a" }).value?.[0]?.compiled;
  if (compiled === undefined) throw new Error(text);
  return compiled;
}

async function ask(replica: ReplicaFixture, call: string): Promise<string[]> {
  const signal = AbortSignal.timeout(3_000);
  const { findings, nodes, unknown } = await replica.checkFleet(policyFor(call), { signal });
  return [
    ...findings.map(
      ({ kernels }) => `not on ${kernels.map((one) => `${one.release} x${one.nodes}`)}`,
    ),
    `${nodes} nodes, ${unknown} unknown`,
  ];
}

describe("a question about all nodes", () => {
  it("has the same answer at each replica, whichever a sensor is connected to", async () => {
    const [first, second] = [await start("first"), await start("second")];
    await addSensor(first, "a", old);
    await addSensor(first, "b", recent);
    await addSensor(second, "c", old);
    // Without a holder each knows its own.
    expect(await ask(second, "fresh")).toEqual(["not on 6.1.0 x1", "1 nodes, 0 unknown"]);
    lease.holder = first.identity;
    const all = ["not on 6.1.0 x2", "3 nodes, 0 unknown"];
    for (const replica of [first, second])
      await expect.poll(() => ask(replica, "fresh"), { timeout: 15_000 }).toEqual(all);
    expect(await ask(second, "tcp_connect")).toEqual(["3 nodes, 0 unknown"]);
    lease.holder = second.identity;
    for (const replica of [first, second])
      await expect.poll(() => ask(replica, "fresh"), { timeout: 15_000 }).toEqual(all);
  });

  it("counts nodes whose sensor is connected to nobody", async () => {
    const first = await start("first");
    first.nodes("a", "b");
    expect(await ask(first, "fresh")).toEqual(["0 nodes, 0 unknown"]);
    await addSensor(first, "a", old);
    expect(await ask(first, "fresh")).toEqual(["not on 6.1.0 x1", "2 nodes, 1 unknown"]);
  });

  it("is answered with what is known while the holder is away", async () => {
    const [first, second] = [await start("first"), await start("second")];
    await addSensor(second, "a", old);
    lease.holder = first.identity;
    await expect.poll(() => ask(first, "fresh"), { timeout: 15_000 }).toContain("not on 6.1.0 x1");
    await first[Symbol.asyncDispose]();
    expect(await ask(second, "fresh")).toEqual(["not on 6.1.0 x1", "1 nodes, 0 unknown"]);
  });
});
