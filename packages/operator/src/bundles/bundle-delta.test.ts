// SPDX-License-Identifier: Apache-2.0
import { digestOf, digestText } from "@gander/policy/content";
import { streamCodec, streamLimits } from "@gander/proto/stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bundle, Resolver } from "../workloads/resolver.ts";
import { noDetails, type Pod, type PodDetails } from "../workloads/workload.ts";
import { bundleDelta, isEmptyDelta } from "./bundle-delta.ts";
import { encodeAssignments, encodeOffers, packMessages } from "./encode-version.ts";
import { PolicyContents } from "./policy-contents.ts";
import { stateDigest } from "./state-digest.ts";

const codec = streamCodec("gander.v1.ToSensor");

/** A sensor's view, kept from what it is sent. */
class Receiver {
  readonly policies = new Map<string, string>();
  readonly pods = new Map<string, string>();
  nodeLabels = "[]";

  receive(messages: readonly Buffer[], isFull: boolean): void {
    if (isFull) {
      this.policies.clear();
      this.pods.clear();
      this.nodeLabels = "[]";
    }
    for (const { offer, assignment } of messages.map((bytes) => codec.decode(bytes))) {
      for (const { uid = "", generation, name, digest } of offer?.put ?? [])
        this.policies.set(uid, [generation, name, digestText(digest ?? new Uint8Array())].join());
      for (const uid of offer?.remove ?? []) this.policies.delete(uid);
      for (const one of assignment?.put ?? []) {
        const { uid = "", name, labels = [], set = 0, details = 0 } = one;
        const of = labels.map(({ key, value = "" }) => `${key}=${value}`);
        const told = assignment?.details?.[details - 1]?.workload ?? "";
        this.pods.set(
          uid,
          [name, told, ...of, ...(assignment?.sets?.[set]?.policies ?? [])].join(),
        );
      }
      const { labels } = assignment?.node_labels ?? {};
      if (assignment?.node_labels !== undefined)
        this.nodeLabels = JSON.stringify((labels ?? []).map(({ key, value = "" }) => [key, value]));
      for (const uid of assignment?.remove ?? []) this.pods.delete(uid);
    }
  }

  sorted(): object {
    const { nodeLabels } = this;
    return { policies: [...this.policies].sort(), pods: [...this.pods].sort(), nodeLabels };
  }
}

function viewOf(bundle: Bundle): object {
  const policies = bundle.policies.map(
    ({ uid, generation, name, digest }) => [uid, [generation, name, digest].join()] as const,
  );
  const pods = [...bundle.pods].map(([{ uid, name, group, details }, { uids }]) => {
    const of = Object.entries(group.labels).sort(([a], [b]) => (a < b ? -1 : 1));
    const told = details.text === "" ? "" : JSON.parse(details.text).workload;
    const labels = of.map(([key, value]) => `${key}=${value}`);
    return [uid, [name, told, ...labels, ...uids].join()] as const;
  });
  const nodeLabels = JSON.stringify(Object.entries(bundle.nodeLabels).sort());
  return { policies: policies.sort(), pods: pods.sort(), nodeLabels };
}

type Step = readonly [kind: "pod" | "policy" | "node", id: number, variant: number];
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("pod" as const, "policy" as const, "node" as const),
  fc.nat(4),
  fc.nat(3),
);

/** Several pods have the same, and one variant has none. */
function detailsOf(variant: number): PodDetails {
  if (variant === 1) return noDetails;
  return { digest: `${variant}`, text: JSON.stringify({ workload: `w${variant}` }) };
}

function apply(resolver: Resolver, [kind, id, variant]: Step): void {
  const uid = `${kind}-${id}`;
  if (kind === "node") resolver.putNode("n0", variant === 0 ? {} : { pool: `${variant}`, a: "" });
  else if (kind === "pod" && variant === 0) resolver.deletePod(uid);
  else if (kind === "policy" && variant === 0) resolver.deletePolicy(uid);
  else if (kind === "pod") {
    const labels = { app: `${variant}`, k: "é" };
    const details = detailsOf(variant);
    resolver.putPod({
      ...{ uid, namespace: "d", name: "n", node: "n0", labels },
      ...{ containers: ["c"], details },
    });
  } else {
    const matchLabels: Record<string, string> = variant === 1 ? {} : { app: `${variant}` };
    resolver.putPolicy({
      uid,
      generation: variant,
      name: uid,
      namespace: "",
      mode: "",
      digest: digestOf(`${variant}`),
      workloads: { podSelector: { matchLabels, matchExpressions: [] }, host: false },
    });
  }
}

describe("deltas", () => {
  it("bring a receiver from each state to the next, and are empty only where nothing changed", () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 12 }), (rounds) => {
        const resolver = new Resolver();
        resolver.putNode("n0", {});
        const receiver = new Receiver();
        let before: Bundle | undefined;
        for (const steps of rounds) {
          for (const one of steps) apply(resolver, one);
          const after = resolver.bundle("n0") as Bundle;
          const delta = bundleDelta(before, after);
          const version = { epoch: 2, baseEpoch: before === undefined ? 0 : 1, delta };
          const messages = packMessages([...encodeOffers(version), ...encodeAssignments(delta)]);
          receiver.receive(messages, before === undefined);
          expect(receiver.sorted()).toEqual(viewOf(after));
          const isSame =
            before === undefined
              ? after.policies.length + after.pods.size + Object.keys(after.nodeLabels).length === 0
              : Buffer.compare(stateDigest(before), stateDigest(after)) === 0;
          expect(isEmptyDelta(delta)).toBe(isSame);
          before = after;
        }
      }),
    );
  });

  it("come in messages of bounded size, in which every pod finds its set", () => {
    const resolver = new Resolver();
    resolver.putNode("n0", {});
    const uid = (kind: string, i: number) => `${kind}-${String(i).padStart(36, "0")}`;
    for (let i = 0; i < 2000; i++)
      resolver.putPolicy({
        uid: uid("policy", i),
        generation: 1,
        name: "x".repeat(253),
        namespace: "",
        mode: "",
        digest: digestOf(`${i}`),
      });
    for (let i = 0; i < 400; i++) {
      const labels = { app: `${i}`, long: "é".repeat(1000) };
      const pod: Pod = {
        uid: uid("pod", i),
        namespace: "d",
        name: "n",
        node: "n0",
        labels,
        containers: [],
        details: noDetails,
      };
      resolver.putPod(pod);
    }
    const bundle = resolver.bundle("n0") as Bundle;
    const delta = bundleDelta(undefined, bundle);
    const messages = [
      ...encodeOffers({ epoch: 1, baseEpoch: 0, delta }),
      ...encodeAssignments(delta),
    ];
    expect(messages.length).toBeGreaterThan(10);
    for (const { length } of messages) expect(length).toBeLessThan(1.1 * streamLimits.listBytes);
    const receiver = new Receiver();
    receiver.receive(messages, true);
    expect(receiver.sorted()).toEqual(viewOf(bundle));
  });
});

it("the state's digest doesn't depend on the order things were learned in", () => {
  const resolvers = [new Resolver(), new Resolver()] as const;
  const steps: readonly Step[] = [
    ["pod", 1, 1],
    ["pod", 2, 2],
    ["policy", 1, 1],
    ["policy", 2, 2],
  ];
  for (const resolver of resolvers) resolver.putNode("n0", {});
  for (const one of steps) apply(resolvers[0], one);
  // A slot that was used before, and another order.
  apply(resolvers[1], ["policy", 4, 1]);
  for (const one of steps.toReversed()) apply(resolvers[1], one);
  apply(resolvers[1], ["policy", 4, 0]);
  const [one, other] = resolvers.map((resolver) => stateDigest(resolver.bundle("n0") as Bundle));
  expect(one).toEqual(other);
  apply(resolvers[1], ["pod", 1, 2]);
  expect(stateDigest(resolvers[1].bundle("n0") as Bundle)).not.toEqual(one);
});

it("short messages go together, in their order; long ones stay the buffers they are", () => {
  const long = Buffer.alloc(17_000);
  const short = [1, 2, 3].map((byte) => Buffer.alloc(9000, 16 + byte));
  const packed = packMessages([...short, long, Buffer.from("a"), Buffer.from("b")]);
  expect(packed.map(({ length }) => length)).toEqual([9000, 9000, 9000, 17_000, 2]);
  expect(packed[3]).toBe(long);
  expect(packMessages([])).toEqual([]);
  const twice = (message: Parameters<typeof codec.encode>[0]) => {
    const bytes = Buffer.from(codec.encode(message));
    return packMessages([bytes, bytes]).length;
  };
  expect([twice({ assignment: {} }), twice({ offer: {} }), twice({ policies: [{}] })]).toEqual([
    2, 2, 1,
  ]);
  fc.assert(
    fc.property(fc.array(fc.nat(20_000)), (lengths) => {
      const messages = lengths.map((length, i) => Buffer.alloc(length, i));
      expect(Buffer.concat(packMessages(messages)).equals(Buffer.concat(messages))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

describe("policy contents", () => {
  const policy = (text: string) => ({
    bytes: Buffer.from(text),
    digest: digestOf(text),
  });

  it("are one message for all, kept as long as a revision has them", () => {
    const contents = new PolicyContents();
    const key = contents.add(policy("a")) ?? "";
    const message = contents.message(key);
    contents.add(policy("a"));
    expect(contents.message(key)).toBe(message);
    contents.release(key);
    expect(contents.size).toBe(1);
    contents.release(key);
    contents.release(key);
    expect(contents.message(key)).toBeUndefined();
    expect(contents.size).toBe(0);
  });

  it("refuse what no message may hold", () => {
    const contents = new PolicyContents();
    expect(contents.add(policy("x".repeat(streamLimits.policyBytes + 1)))).toBeUndefined();
    const key = contents.add(policy("x".repeat(streamLimits.policyBytes))) ?? "";
    expect(contents.message(key)?.length).toBeLessThan(streamLimits.toSensorBytes);
  });
});
