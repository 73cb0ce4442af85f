// SPDX-License-Identifier: Apache-2.0
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "./operator-fixture.ts";
import { FleetPerson, newAuthority, ReplicaFixture, type TestLease } from "./replica-fixture.ts";
import { TestSensor } from "./test-sensor.ts";

let authority: Awaited<ReturnType<typeof newAuthority>>;
let stack: AsyncDisposableStack;
let lease: TestLease;

beforeEach(async () => {
  authority = await newAuthority();
  stack = new AsyncDisposableStack();
  lease = { holder: "" };
});
afterEach(() => stack.disposeAsync());

const start = async (name: string) =>
  stack.use(await ReplicaFixture.start({ name, lease, authority }));

/** Two replicas that watch the same cluster; the first holds the Lease. */
async function startTwo(...nodes: readonly string[]) {
  const [first, second] = [await start("first"), await start("second")];
  for (const replica of [first, second]) replica.nodes(...nodes);
  lease.holder = first.identity;
  return { first, second };
}

const readiness = (replica: ReplicaFixture, uid: string) => {
  const { nodes, answered, ready, totals, states } = replica.view.of(uid) ?? {};
  return { nodes, answered, ready, hits: totals?.hits, disconnected: states?.disconnected };
};

describe("two replicas", () => {
  it("the one that holds the Lease knows what the other's sensors say", async () => {
    const { first, second } = await startTwo("a", "b", "c");
    for (const replica of [first, second]) replica.policy("p");
    first.sensor("a");
    const b = second.sensor("b");
    b.exceptions = [
      {
        uid: "uid-of-p",
        state: "POLICY_STATE_UNSUPPORTED",
        code: "hook-missing",
        message: "no such function",
      },
    ];
    await eventually(() => readiness(first, "uid-of-p").answered === 2);
    expect(readiness(first, "uid-of-p")).toMatchObject({ nodes: 3, ready: 1, disconnected: 1 });
    expect(first.view.of("uid-of-p")?.worst).toMatchObject([
      { name: "b", state: "unsupported", code: "hook-missing" },
      { name: "c", state: "disconnected" },
    ]);
    b.counted({ uid: "uid-of-p", hits: "7", emitted: "7" });
    await eventually(() => readiness(first, "uid-of-p").hits === 7);
  });

  it("a sensor that moves is counted once, and its policies never look better than they are", async () => {
    const { first, second } = await startTwo("a", "b");
    for (const replica of [first, second]) replica.policy("p");
    const before = second.sensor("a");
    before.counted({ uid: "uid-of-p", hits: "3", emitted: "3" });
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
    const seen = new Set<number | undefined>();
    const listening = first.view.onChange(() => seen.add(readiness(first, "uid-of-p").ready));
    // Its old stream still stands: nobody told the second replica.
    first.sensor("a");
    await eventually(() => first.hub.session("a") !== undefined);
    await eventually(() => second.hub.session("a") === undefined);
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
    // And back.
    second.sensor("a");
    await eventually(() => first.hub.session("a") === undefined);
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
    listening[Symbol.dispose]();
    expect([...seen].every((ready) => ready === 0 || ready === 1)).toBe(true);
  });

  it("a replica that goes away takes its sensors along", async () => {
    const { first, second } = await startTwo("a");
    for (const replica of [first, second]) replica.policy("p");
    second.sensor("a");
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
    await second[Symbol.asyncDispose]();
    await eventually(() => readiness(first, "uid-of-p").disconnected === 1);
    expect(readiness(first, "uid-of-p")).toMatchObject({ answered: 0, ready: 0 });
    first.sensor("a");
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
  });

  it("the next holder knows everything, and the last one forgets", async () => {
    const { first, second } = await startTwo("a", "b");
    for (const replica of [first, second]) replica.policy("p");
    first.sensor("a");
    second.sensor("b");
    await eventually(() => readiness(first, "uid-of-p").ready === 2);
    lease.holder = second.identity;
    await eventually(() => readiness(second, "uid-of-p").ready === 2);
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
  });

  it("say why a sensor cannot start, whichever of them it told, until it starts", async () => {
    const { first, second } = await startTwo("a", "b");
    for (const replica of [first, second]) replica.policy("p");
    first.sensor("a");
    const problem = "tracefs is missing: mount it.";
    const failing = new TestSensor(second.sensorPort, "of-b");
    failing.hello({ node: "b", start_problem: problem });
    expect((await failing.ended).code).toBe(status.OK);
    const view = () => first.view.of("uid-of-p");
    await eventually(() => view()?.worst[0]?.code === "sensor-cannot-start");
    expect(view()).toMatchObject({ ready: 1, states: { disconnected: 1 } });
    expect(view()?.worst).toMatchObject([
      { name: "b", state: "disconnected", message: `The node's sensor cannot start: ${problem}` },
    ]);
    for (const replica of [first, second]) {
      const person = replica.person("viewer");
      expect(await person.status()).toMatchObject({
        ...{ connected: 1, disconnected: ["b"], start_problems: [{ node: "b", problem }] },
      });
      const [, b] = await person.policyNodes("p");
      expect(b).toMatchObject({ node: "b", code: "sensor-cannot-start" });
    }
    second.sensor("b");
    await eventually(() => view()?.ready === 2);
    await eventually(() => second.hub.startProblems.all().size === 0);
    expect((await first.person("viewer").status()).start_problems).toBeUndefined();
    await second[Symbol.asyncDispose]();
    await eventually(() => view()?.worst[0]?.code === "sensor-not-connected");
  });

  it("any of them answers people", async () => {
    const { first, second } = await startTwo("a", "b", "c");
    for (const replica of [first, second]) replica.policy("p");
    first.sensor("a");
    second.sensor("b");
    await eventually(() => readiness(first, "uid-of-p").ready === 2);
    for (const replica of [first, second]) {
      const person = replica.person("viewer");
      expect(await person.status()).toMatchObject({
        nodes: 3,
        connected: 2,
        disconnected: ["c"],
        policies: 1,
        replicas: [
          { identity: first.identity, holds_lease: true, sensors: 1, operator_version: "1.2.3" },
          { identity: second.identity, sensors: 1 },
        ],
      });
      expect(await person.policies()).toMatchObject([
        { name: "p", generation: "1", mode: "enforce", nodes: 3, answered: 2, ready: 2 },
      ]);
      expect(await person.policyNodes("p")).toMatchObject([
        { node: "a", state: "NODE_STATE_READY", running_generation: "1" },
        { node: "b", state: "NODE_STATE_READY", running_generation: "1" },
        { node: "c", state: "NODE_STATE_DISCONNECTED" },
      ]);
    }
  });

  it("a policy is asked about with what runs in its place, and a policy that isn't there is named", async () => {
    const { first } = await startTwo("a");
    first.policy("p", 1);
    const sensor = first.sensor("a");
    await eventually(() => readiness(first, "uid-of-p").ready === 1);
    sensor.answersVersions = false;
    first.policy("p", 2);
    const person = first.person("viewer");
    expect(await person.policyNodes("p")).toMatchObject([
      { node: "a", state: "NODE_STATE_PENDING", running_generation: "1" },
    ]);
    await expect(person.policyNodes("q")).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: expect.stringContaining('"q"'),
    });
  });
});

describe("who may ask", () => {
  it.each([
    [undefined, status.UNAUTHENTICATED],
    ["nobody", status.UNAUTHENTICATED],
  ])("token %s: %d", async (token, code) => {
    const replica = await start("only");
    await expect(replica.person(token).status()).rejects.toMatchObject({ code });
  });

  it("events need a right of their own", async () => {
    const replica = await start("only");
    const viewer = replica.person("viewer");
    expect((await viewer.status()).replicas?.length).toBe(1);
    expect((await viewer.watch().ended).code).toBe(status.PERMISSION_DENIED);
  });

  it("replicas are those with the operator's own certificate, for its name", async () => {
    const replica = await start("only");
    const { certificateOf } = await import("./replica-fixture.ts");
    const ask = async (issuer: typeof authority, name?: string) => {
      const material = (await certificateOf(issuer, name)).current();
      if (material === undefined) throw new Error("no certificate");
      using person = new FleetPerson(replica.apiPort, authority.cert, undefined, material);
      return await person.status();
    };
    expect((await ask(authority)).operator_version).toBe("1.2.3");
    await expect(ask(authority, "sensor.example")).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    await expect(ask(await newAuthority())).rejects.toMatchObject({
      code: status.UNAUTHENTICATED,
    });
    const report = replica.person("admin").ask("/gander.v1.Peers/Report", "gander.v1.ToReplica");
    await expect(report).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining("gander-operator.gander-system.svc"),
    });
  });
});
