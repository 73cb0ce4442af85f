// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import type { SessionAnnouncement } from "@gander/proto/stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readReview } from "../src/admission/admission-review.ts";
import { createSessionAnnouncer } from "../src/sessions/session-announcer.ts";
import { SessionCounts } from "../src/sessions/session-counts.ts";
import { requestedSessions } from "../src/sessions/session-review.ts";
import { Resolver } from "../src/workloads/resolver.ts";
import { noDetails } from "../src/workloads/workload.ts";
import { eventually } from "./operator-fixture.ts";
import { newAuthority, ReplicaFixture, type TestLease } from "./replica-fixture.ts";
import { TestSensor } from "./test-sensor.ts";

/** As the API server sends it. */
function review(request: object) {
  const body = JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      ...{ uid: "r-1", operation: "CONNECT", namespace: "shop", name: "web-0", dryRun: false },
      resource: { group: "", version: "v1", resource: "pods" },
      userInfo: { username: "alice@example.com", groups: ["devs", "system:authenticated"] },
      ...request,
    },
  });
  const read = readReview(Buffer.from(body));
  if (read === undefined) throw new Error(body);
  return read;
}

const exec = (object: object, more: object = {}) =>
  review({ subResource: "exec", object: { kind: "PodExecOptions", ...object }, ...more });
const withEphemeral = (...names: readonly string[]) => ({
  spec: { ephemeralContainers: names.map((name) => ({ name })) },
});
const alice = { user: "alice@example.com", groups: ["devs", "system:authenticated"] };
const inPod = { namespace: "shop", pod: "web-0", uid: "r-1", ...alice };

describe("a review", () => {
  it.each<[string, Parameters<typeof requestedSessions>[0], readonly object[]]>([
    [
      "a command",
      exec({ container: "web", command: ["sh", "-c", "id"], stdin: true }),
      [{ ...inPod, kind: "exec", container: "web", command: ["sh", "-c", "id"] }],
    ],
    ["the only container", exec({ command: ["ls"] }), [{ container: "", command: ["ls"] }]],
    [
      "attach",
      review({ subResource: "attach", object: { container: "web" } }),
      [{ kind: "attach", command: [] }],
    ],
    [
      "a forwarded port",
      review({ subResource: "portforward" }),
      [{ kind: "port-forward", ...inPod }],
    ],
    [
      "ephemeral containers, of which one is new",
      review({
        ...{ operation: "UPDATE", subResource: "ephemeralcontainers" },
        ...{ object: withEphemeral("old", "new"), oldObject: withEphemeral("old") },
      }),
      [{ ...inPod, kind: "ephemeral-container", container: "new" }],
    ],
    ["a dry run", exec({ command: ["ls"] }, { dryRun: true }), []],
    ["logs", review({ subResource: "log" }), []],
    ["a pod", review({ operation: "UPDATE", object: withEphemeral("new") }), []],
    ["another kind", exec({}, { resource: { group: "x", resource: "pots" } }), []],
    [
      "wrong types",
      exec({ container: 1, command: [1, "a"] }),
      [{ container: "", command: ["", "a"] }],
    ],
    ["a command that is none", exec({ command: "ls" }), [{ command: [] }]],
  ])("of %s", (_, read, expected) => {
    expect(requestedSessions(read)).toMatchObject(expected);
    expect(requestedSessions(read)).toHaveLength(expected.length);
  });

  it("is bounded, whatever is in it", () => {
    const userInfo = {
      username: "u".repeat(100_000),
      groups: Array.from({ length: 1_000 }, (_, n) => `${n}${"g".repeat(1_000)}`),
    };
    const command = Array.from({ length: 1_000 }, () => "é".repeat(1_000));
    const [session] = requestedSessions(
      exec({ command, container: "c".repeat(9_999) }, { userInfo }),
    );
    expect(session?.isCommandCut).toBe(true);
    expect(session?.user).toMatch(/^u+…$/);
    expect(JSON.stringify(session).length).toBeLessThan(30_000);
    const whole = requestedSessions(exec({ command: ["x".repeat(16_384)] }));
    expect(whole).toMatchObject([{ isCommandCut: false }]);
    const more = requestedSessions(exec({ command: ["x".repeat(16_384), ""] }));
    expect(more).toMatchObject([{ isCommandCut: true, command: ["x".repeat(16_384)] }]);
  });
});

describe("an announcement", () => {
  const resolver = new Resolver();
  const pod = { uid: "pod-1", namespace: "shop", name: "web-0", node: "a", labels: {} };
  resolver.putPod({ ...pod, containers: ["web"], details: noDetails });
  resolver.putPod({ ...pod, uid: "pod-2", namespace: "other", containers: [], details: noDetails });

  function announcer() {
    const sent: [string, SessionAnnouncement][] = [];
    const lines: string[] = [];
    const counts = new SessionCounts();
    const { note } = createSessionAnnouncer({
      ...{ resolver, counts, now: () => 0 },
      announce: (node, announcement) => {
        sent.push([node, announcement]);
        return "sent";
      },
      logger: createLogger({ level: "info", write: (line) => void lines.push(line) }),
    });
    return { note, sent, lines, counts: () => [...counts.all()] };
  }

  it("goes to the node of the pod, with its UID", () => {
    const { note, sent, counts } = announcer();
    note(exec({ container: "web", command: ["sh"] }));
    const announcement = {
      kind: "exec",
      pod: "pod-1",
      container: "web",
      command: ["sh"],
      ...alice,
    };
    expect(sent).toEqual([["a", { ...announcement, request_uid: "r-1" }]]);
    expect(counts()).toEqual([{ kind: "exec", result: "sent", count: 1 }]);
  });

  it("is not made for a pod that is not known", () => {
    const { note, sent, counts } = announcer();
    note(exec({ command: ["sh"] }, { name: "web-1" }));
    expect(sent).toEqual([]);
    expect(counts()).toEqual([{ kind: "exec", result: "unknown-pod", count: 1 }]);
  });

  it("is a line of the log for what starts no process", () => {
    const { note, sent, lines } = announcer();
    note(review({ subResource: "portforward" }));
    expect(sent).toEqual([]);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { message: "A user requested a session", kind: "port-forward", pod: "web-0", ...alice },
    ]);
  });

  it("is dropped beyond a rate, and counted", () => {
    const { note, sent, counts } = announcer();
    for (let n = 0; n < 250; n++) note(exec({ command: ["sh"] }));
    expect(sent).toHaveLength(200);
    expect(counts()).toContainEqual({ kind: "exec", result: "dropped", count: 50 });
  });
});

describe("the sensor of a node", () => {
  let authority: Awaited<ReturnType<typeof newAuthority>>;
  let stack: AsyncDisposableStack;
  const lease: { -readonly [K in keyof TestLease]: TestLease[K] } = { holder: "" };
  const session = { kind: "exec", pod: "pod-1", command: ["sh"], user: "alice" };

  beforeEach(async () => {
    authority = await newAuthority();
    stack = new AsyncDisposableStack();
    lease.holder = "";
  });
  afterEach(() => stack.disposeAsync());

  const start = async (name: string) =>
    stack.use(await ReplicaFixture.start({ name, lease, authority }));

  async function connect(replica: ReplicaFixture, node: string): Promise<TestSensor> {
    const sensor = stack.use(new TestSensor(replica.sensorPort, `of-${node}`));
    sensor.hello({ node });
    expect(await sensor.next()).toMatchObject({ welcome: { announces_sessions: true } });
    return sensor;
  }

  it("hears of sessions from its replica", async () => {
    const replica = await start("first");
    const sensor = await connect(replica, "a");
    expect(replica.announce("a", session)).toBe("sent");
    expect(await sensor.next()).toEqual({ sessions: [session] });
    expect(replica.announce("b", session)).toBe("no-sensor");
  });

  it("hears of sessions that any other replica was asked about", async () => {
    const [first, second, third] = [await start("1"), await start("2"), await start("3")];
    lease.holder = first.identity;
    const sensors = [await connect(first, "a"), await connect(second, "b")];
    // The holder has the reports of both when it can pass on to both.
    await eventually(() => first.announce("b", session) === "passed-on");
    await eventually(() => third.announce("b", session) === "passed-on");
    for (const n of [1, 2]) {
      expect(await sensors[1]?.next(), String(n)).toEqual({ sessions: [session] });
    }
    expect(second.announce("a", session)).toBe("passed-on");
    expect(await sensors[0]?.next()).toEqual({ sessions: [session] });
    expect(third.announce("c", session)).toBe("passed-on");
    await eventually(() => first.passedOn.includes("no-sensor"));
    expect(second.passedOn).toContain("sent");
  });

  it("costs no more than a bounded number of them", async () => {
    const replica = await start("first");
    await connect(replica, "a");
    const results = Array.from({ length: 200 }, () => replica.announce("a", session));
    expect(results.filter((result) => result === "sent").length).toBeLessThan(120);
    expect(results).toContain("dropped");
  });
});
