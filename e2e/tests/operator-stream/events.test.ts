// SPDX-License-Identifier: Apache-2.0
// Events of a node for those who watch the whole cluster: the sensor's side and the operator's, over TLS.
import type { NodeEvents } from "@gander/operator";
import { codec, eventKind, type GetEventsRequest } from "@gander/proto";
import { createOperatorEvents } from "@gander/sensor/operator";
import { expect, it } from "vitest";
import { createSensorEvent } from "../../../packages/sensor/src/events/sensor-event.ts";
import { createEventPublisher } from "../../../packages/sensor/src/pipeline/event-publisher.ts";
import { ProcessEntry } from "../../../packages/sensor/src/process/process-entry.ts";
import type { Workload } from "../../../packages/sensor/src/workload/workload.ts";
import { TestNode } from "./test-node.ts";
import { TestOperator } from "./test-operator.ts";

const eventually = (holds: () => unknown) =>
  expect.poll(holds, { timeout: 15_000, interval: 5 }).toBeTruthy();

const request = (one: GetEventsRequest) =>
  Buffer.from(codec("tetragon.GetEventsRequest").encode(one));

/** A node `a` whose events the test publishes. */
async function connected() {
  const parts = new AsyncDisposableStack();
  const operator = parts.use(await new TestOperator().start());
  const publisher = createEventPublisher({ nodeName: "a", clusterName: "", nodeLabels: {} });
  const filters = { withCredentials: false };
  const relay = parts.use(createOperatorEvents({ events: publisher, filters }));
  const node = parts.use(new TestNode({ relay }));
  node.connect(operator);
  await eventually(() => operator.hub.session("a"));
  const publish = (count: number) => {
    const event = { ...createSensorEvent(), kind: eventKind.rateLimitInfo };
    for (let i = 0; i < count; i++) publisher.publish(event);
  };
  const watch = (one: GetEventsRequest = {}) => {
    const seen = { events: 0, missing: 0, nodes: new Set<string>() };
    const watching = operator.events.relay.watch(request(one), {
      take({ node: from, events, missing }: NodeEvents) {
        seen.nodes.add(from);
        seen.events += events.length;
        seen.missing += missing ?? 0;
      },
    });
    const signal = new AbortController().signal;
    const covered = watching.whenCovered({ sensors: () => 1, waitMs: 15_000, signal });
    return { seen, covered, [Symbol.dispose]: () => watching[Symbol.dispose]() };
  };
  const dispose = () => parts.disposeAsync();
  return { operator, publisher, publish, watch, [Symbol.asyncDispose]: dispose };
}

it("come while somebody watches, and are asked for no longer", async () => {
  await using at = await connected();
  at.publish(5);
  {
    using watching = at.watch();
    expect(await watching.covered).toEqual({ nodes: 1, refused: 0, problem: "" });
    at.publish(3);
    at.publisher.missing(2);
    await eventually(() => watching.seen.events === 3 && watching.seen.missing === 2);
    expect([...watching.seen.nodes]).toEqual(["a"]);
  }
  await eventually(() => at.publisher.messageConsumers() === 0);
  // And again: the call that is over is opened anew.
  using again = at.watch();
  await again.covered;
  at.publish(1);
  await eventually(() => again.seen.events === 1);
});

it("are filtered on the node, which says what it can't filter by", async () => {
  await using at = await connected();
  using all = at.watch();
  using some = at.watch({ allow_list: [{ event_set: ["PROCESS_EXEC"] }] });
  using wrong = at.watch({ allow_list: [{ pod_regex: ["("] }] });
  expect((await some.covered).nodes).toBe(1);
  const { nodes, refused, problem } = await wrong.covered;
  expect({ nodes, refused }).toEqual({ nodes: 0, refused: 1 });
  expect(problem).toContain("allow_list[0].pod_regex[0]");
  await all.covered;
  at.publish(4);
  await eventually(() => all.seen.events === 4);
  expect(some.seen.events).toBe(0);
});

const pod = {
  namespace: "web",
  name: "shop-0",
  container: { name: "main" },
  pod_labels: { app: "shop" },
  workload: "shop",
  workload_kind: "StatefulSet",
};

function processIn(workload: Workload, pid: number): ProcessEntry {
  const image = { ...{ pid, startLow: pid, startHigh: 0, uid: 0, auid: 0, flags: 0 }, cwd: "/" };
  return new ProcessEntry(
    { ...image, binary: "/bin/check", arguments: "", workload },
    { ...{ execId: "id", seconds: 0, nanos: 0 }, parent: undefined, parentExecId: "" },
  );
}

it.each([
  { namespace: ["web"] },
  { namespace_regex: ["^w"] },
  { pod_regex: ["^shop-\\d$"] },
  { container_id: ["^cc"] },
  { container_name_regex: ["^main$"] },
  { labels: ["app in (shop,db),!canary"] },
  { health_check: { value: true } },
  { cel_expression: ["process_exec.process.pod.workload_kind == 'StatefulSet'"] },
])("are chosen by their pod, as with a sensor: %j", async (filter) => {
  await using at = await connected();
  using some = at.watch({ allow_list: [filter] });
  using others = at.watch({ deny_list: [filter] });
  for (const { covered } of [some, others])
    expect(await covered).toEqual({ nodes: 1, refused: 0, problem: "" });
  const of = { containerId: "cc", pod, execProbes: [["/bin/check"]] };
  const workloads = [of, { containerId: "", pod: undefined }, of];
  for (const [pid, workload] of workloads.entries())
    at.publisher.publish({
      ...createSensorEvent(),
      kind: eventKind.exec,
      process: processIn(workload, 10 + pid),
    });
  await eventually(() => some.seen.events === 2 && others.seen.events === 1);
});

it("never hold up policies, however many there are", async () => {
  await using at = await connected();
  using watching = at.watch();
  await watching.covered;
  let published = 0;
  for (let round = 0; round < 20; round++) {
    at.publish(5_000);
    published += 5_000;
    await at.operator.put(at.operator.policy(`p-${round}`, String(round)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => at.operator.hub.rollout.node("a")?.policies.length === 20);
  await eventually(() => watching.seen.events + watching.seen.missing === published);
});
