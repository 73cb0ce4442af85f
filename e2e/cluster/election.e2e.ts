// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import {
  applyObject,
  createElection,
  createKubeClient,
  type Election,
  type KubeClient,
  type KubeObject,
  kubeconfigCredentials,
  type WritePermit,
} from "@gander/kube";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../tests/lib/wait-until.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { createNamespace } from "./lib/cluster-objects.ts";
import { createNetworkLink, type NetworkLink } from "./lib/network-link.ts";

let cluster: ControlPlane;
let namespace: string;
let namespaces = 0;
beforeAll(async () => {
  cluster = await startControlPlane();
});
afterAll(() => cluster[Symbol.asyncDispose]());
beforeEach(async () => {
  namespace = `election-${++namespaces}`;
  await createNamespace(cluster.client, namespace);
});

/** The values of production. */
const usual = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };
/** With these, no hiccup of a busy machine ends a term. */
const calm = { leaseMs: 90_000, renewDeadlineMs: 60_000, retryMs: 400 };

type Candidate = AsyncDisposable & {
  readonly identity: string;
  readonly election: Election;
  readonly client: KubeClient;
  readonly link: NetworkLink;
  readonly permits: readonly WritePermit[];
  /** Releases the Lease if the candidate holds it. */
  stop(): Promise<void>;
};

async function stand(identity: string, timing: typeof usual): Promise<Candidate> {
  const link = await createNetworkLink(() => [cluster.port]);
  const path = cluster.kubeconfigVia(link.url);
  const client = createKubeClient(await kubeconfigCredentials({ path }));
  const permits: WritePermit[] = [];
  const election = createElection(
    { client, logger: createLogger({ write: () => {} }) },
    {
      namespace,
      name: "operator",
      identity,
      ...timing,
      onElected: (permit) => permits.push(permit),
    },
  );
  const controller = new AbortController();
  const running = election.run({ signal: controller.signal });
  const stop = async () => {
    controller.abort();
    await running;
  };
  return {
    identity,
    election,
    client,
    link,
    permits,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      client.close();
      await link[Symbol.asyncDispose]();
    },
  };
}

const leads = ({ election, identity }: Candidate) =>
  waitUntil(`${identity} leads`, () => election.state().isLeader);

/** The leader's work: one object that names its last writer. */
const configMaps = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };

function note({ client, identity }: Candidate, permit: WritePermit) {
  return applyObject<KubeObject>(
    client,
    configMaps,
    { metadata: { namespace, name: "work" }, data: { by: identity, term: String(permit.term) } },
    { permit, fieldManager: "operator", onConflict: "take" },
  );
}

async function noted(): Promise<unknown> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/work`;
  return (await cluster.client.get<{ readonly data: unknown }>({ task: "get the work", path }))
    .data;
}

/** Writes as fast as it can while the permit lasts; returns the error that ended it. */
async function writeOn(candidate: Candidate, permit: WritePermit): Promise<unknown> {
  for (;;) {
    try {
      await note(candidate, permit);
    } catch (error) {
      if (permit.signal.aborted) return error;
    }
  }
}

describe("an election", () => {
  it("has one leader, and another one at once when it stops", async () => {
    await using first = await stand("first", calm);
    await leads(first);
    await using second = await stand("second", calm);
    await waitUntil("the second sees it", () => second.election.state().holder === "first");
    const lease = await cluster.kubectl(["get", "lease", "operator", "-n", namespace]);
    expect(lease.stdout).toMatch(/operator +first/);

    const startedMs = performance.now();
    await first.stop();
    await leads(second);
    expect(performance.now() - startedMs).toBeLessThan(calm.renewDeadlineMs);
    expect(second.permits[0]?.term).toBeGreaterThan(first.permits[0]?.term ?? 0);
    expect(first.election.state()).toMatchObject({ isLeader: false, losses: 0 });
  });

  it("passes on when the leader's network is gone, and nothing of the old leader comes after", async () => {
    await using first = await stand("first", usual);
    await leads(first);
    const [old] = first.permits;
    if (old === undefined) throw new Error("the first candidate has no permit");
    const ended = writeOn(first, old);
    await using second = await stand("second", usual);
    await waitUntil("the second sees it", () => second.election.state().holder === "first");

    first.link.stall("all");
    await leads(second);
    // By its own clock, the first leader had given up earlier.
    expect(old.signal.aborted).toBe(true);
    expect(await ended).toMatchObject({ code: "kube-not-leader" });
    expect(first.election.state()).toMatchObject({ isLeader: false, losses: 1 });
    const [permit] = second.permits;
    if (permit === undefined) throw new Error("the second candidate has no permit");
    await note(second, permit);
    first.link.restore();
    await waitUntil("the first sees it", () => first.election.state().holder === "second");
    await expect(note(first, old)).rejects.toMatchObject({ code: "kube-not-leader" });
    expect(await noted()).toEqual({ by: "second", term: String(permit.term) });
  });

  it("lets the leader go on after a restart of the API server", async () => {
    await using first = await stand("first", calm);
    await using second = await stand("second", calm);
    await waitUntil("one leads", () =>
      [first, second].some((one) => one.election.state().isLeader),
    );
    const [leader, other] = first.election.state().isLeader ? [first, second] : [second, first];
    await cluster.stopApiServer("SIGKILL");
    await waitUntil("it is noticed", () => leader.election.state().lastError !== undefined);
    await cluster.startApiServer();
    await waitUntil("it is renewed", () => leader.election.state().lastError === undefined);
    expect(leader.election.state()).toMatchObject({ isLeader: true, losses: 0 });
    expect(leader.permits).toHaveLength(1);
    expect(other.election.state().isLeader).toBe(false);
  });

  it("brings a Lease back that somebody deletes, and nobody takes over", async () => {
    await using first = await stand("first", calm);
    await leads(first);
    await using second = await stand("second", calm);
    await waitUntil("the second sees it", () => second.election.state().holder === "first");
    await cluster.kubectl(["delete", "lease", "operator", "-n", namespace]);
    await waitUntil("it is back", async () => {
      const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/operator`;
      const { spec } = await cluster.client.get<{
        readonly spec: { readonly holderIdentity: string };
      }>({ task: "get the Lease", path });
      return spec.holderIdentity === "first";
    });
    expect(first.election.state()).toMatchObject({ isLeader: true, losses: 0 });
    expect(first.permits).toHaveLength(1);
    expect(second.permits).toHaveLength(0);
  });
});
