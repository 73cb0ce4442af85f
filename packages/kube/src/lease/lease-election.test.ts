// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from "node:timers/promises";
import { createLogger } from "@gander/base";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type LeaseFault, LeaseServer } from "../../test/lease-server.ts";
import { createKubeClient, type KubeClient } from "../client/client.ts";
import type { WritePermit } from "../client/write-permit.ts";
import { createElection, type Election } from "./lease-election.ts";

const silent = createLogger({ write: () => {} });
/** Terms end quickly: for tests of what happens then. */
const brief = { leaseMs: 400, renewDeadlineMs: 250, retryMs: 40 };
/** Terms outlast any hiccup of a busy machine: for tests in which none may end. */
const calm = { leaseMs: 20_000, renewDeadlineMs: 15_000, retryMs: 10 };

type Candidate = {
  readonly name: string;
  readonly election: Election;
  readonly client: KubeClient;
  readonly permits: WritePermit[];
  readonly holders: string[];
  /** Added to the candidate's clock. */
  skewMs: number;
  stop(): Promise<void>;
};

async function electing(
  names: readonly string[],
  test: (server: LeaseServer, candidates: readonly Candidate[]) => Promise<void>,
  timing = calm,
): Promise<void> {
  const server = new LeaseServer();
  await server.listen();
  const candidates = names.map((name) => stand(server, name, timing));
  try {
    await test(server, candidates);
  } finally {
    await Promise.all(candidates.map((candidate) => candidate.stop()));
    await server.close();
  }
}

function stand(server: LeaseServer, name: string, timing: typeof calm): Candidate {
  const client = createKubeClient(server.source, { userAgent: name });
  const permits: WritePermit[] = [];
  const holders: string[] = [];
  const controller = new AbortController();
  const clock = () => performance.now() + candidate.skewMs;
  const election = createElection(
    { client, logger: silent, clock },
    {
      namespace: "gander",
      name: "operator",
      identity: name,
      ...timing,
      onElected: (permit) => permits.push(permit),
      onHolder: (identity) => holders.push(identity),
    },
  );
  const candidate: Candidate = {
    name,
    election,
    client,
    permits,
    holders,
    skewMs: 0,
    async stop() {
      controller.abort();
      await running;
      client.close();
    },
  };
  const running = election.run({ signal: controller.signal });
  return candidate;
}

const leaders = (candidates: readonly Candidate[]) =>
  candidates.filter(({ election }) => election.state().isLeader).map(({ name }) => name);

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 15_000, interval: 3 });

const write = ({ client, election }: Candidate) => {
  const permit = election.permit();
  if (permit === undefined) return Promise.reject(new Error("no permit"));
  const { term } = permit;
  return client.write({ task: "write", method: "POST", path: "/writes", permit, body: { term } });
};

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error("the list is empty");
  return first;
}

describe("an election", () => {
  it("has one winner; the others know it and keep quiet", async () => {
    await electing(["a", "b", "c"], async (server, candidates) => {
      await until(() => expect(leaders(candidates)).toHaveLength(1));
      const [leader] = leaders(candidates);
      await until(() => {
        for (const { election } of candidates) expect(election.state().holder).toBe(leader);
      });
      const { requests } = server;
      await until(() => expect(server.requests).toBeGreaterThan(requests + 100));
      expect(leaders(candidates)).toEqual([leader]);
      expect(server.lease?.spec).toMatchObject({ holderIdentity: leader, leaseTransitions: 1 });
    });
  });

  it("is over at once when the holder stops cleanly: no waiting for its time to run out", async () => {
    await electing(["a", "b"], async (server, candidates) => {
      await until(() => expect(leaders(candidates)).toHaveLength(1));
      const leader = only(candidates.filter(({ election }) => election.state().isLeader));
      await leader.stop();
      expect(server.lease?.spec.holderIdentity).toBe("");
      expect(only(leader.permits).signal.aborted).toBe(true);
      await until(() => expect(leaders(candidates)).toHaveLength(1));
      expect(server.lease?.spec.leaseTransitions).toBe(2);
    });
  });

  it("waits with giving back until the writes that are under way have ended", async () => {
    await electing(["a"], async (server, [a]) => {
      if (a === undefined) return;
      await until(() => expect(a.election.state().isLeader).toBe(true));
      const ticket = a.election.permit()?.enter();
      const stopped = a.stop();
      await delay(30);
      expect(server.lease?.spec.holderIdentity).toBe("a");
      ticket?.release();
      await stopped;
      expect(server.lease?.spec.holderIdentity).toBe("");
    });
  });

  it("is lost when the server cannot be reached, before anybody else can win", async () => {
    await electing(
      ["a", "b"],
      async (server, candidates) => {
        await until(() => expect(leaders(candidates)).toHaveLength(1));
        const leader = only(candidates.filter(({ election }) => election.state().isLeader));
        server.fault = (client) => (client === leader.name ? "down" : undefined);
        const lostAt = new Promise<number>((resolve) =>
          only(leader.permits).signal.addEventListener("abort", () => resolve(performance.now())),
        );
        await until(() => expect(server.lease?.spec.leaseTransitions).toBe(2));
        const wonAtMs = performance.now();
        expect(await lostAt).toBeLessThan(wonAtMs);
        expect(leader.election.state()).toMatchObject({ isLeader: false, losses: 1 });
      },
      brief,
    );
  });

  it("survives answers that get lost: the Lease is found to be its own", async () => {
    await electing(["a", "b"], async (server, candidates) => {
      await until(() => expect(leaders(candidates)).toHaveLength(1));
      const [leader = ""] = leaders(candidates);
      let count = 0;
      server.fault = (client) => (client === leader && ++count % 4 === 0 ? "lost" : undefined);
      await until(() => expect(count).toBeGreaterThan(40));
      expect(leaders(candidates)).toEqual([leader]);
      expect(server.lease?.spec.leaseTransitions).toBe(1);
    });
  });

  it("is lost when somebody takes the Lease by force", async () => {
    await electing(["a"], async (server, [a]) => {
      if (a === undefined) return;
      await until(() => expect(a.permits).toHaveLength(1));
      server.lease = {
        metadata: { resourceVersion: "of another" },
        spec: { holderIdentity: "other", leaseTransitions: 9 },
      };
      await until(() => expect(a.election.state().isLeader).toBe(false));
      expect(a.permits[0]?.signal.reason.message).toContain('"other" holds it now');
      server.lease = {
        metadata: { resourceVersion: "given back" },
        spec: { holderIdentity: "", leaseTransitions: 9 },
      };
      await until(() => expect(a.permits).toHaveLength(2));
      expect(a.permits[1]?.term).toBe(10);
      expect(a.holders).toEqual(["a", "other", "", "a"]);
    });
  });

  it("is not lost when somebody deletes the Lease: its renewal brings it back", async () => {
    await electing(["a", "b"], async (server, candidates) => {
      await until(() => expect(leaders(candidates)).toHaveLength(1));
      const leader = only(candidates.filter(({ election }) => election.state().isLeader));
      const other = only(candidates.filter((candidate) => candidate !== leader));
      await until(() => expect(other.election.state().holder).toBe(leader.name));
      server.lease = undefined;
      const ours = { holderIdentity: leader.name, leaseTransitions: 1 };
      await until(() => expect(server.lease?.spec).toMatchObject(ours));
      expect(only(leader.permits).signal.aborted).toBe(false);
    });
  });

  it("waits for the holder's time to run out when the Lease is deleted and not renewed", async () => {
    await electing(
      ["a", "b"],
      async (server, candidates) => {
        await until(() => expect(leaders(candidates)).toHaveLength(1));
        const leader = only(candidates.filter(({ election }) => election.state().isLeader));
        const other = only(candidates.filter((candidate) => candidate !== leader));
        await until(() => expect(other.election.state().holder).toBe(leader.name));
        server.fault = (client) => (client === leader.name ? "down" : undefined);
        server.lease = undefined;
        const lostAt = new Promise<number>((resolve) =>
          only(leader.permits).signal.addEventListener("abort", () => resolve(performance.now())),
        );
        await until(() => expect(other.permits).toHaveLength(1));
        const wonAtMs = performance.now();
        expect(await lostAt).toBeLessThan(wonAtMs);
        expect(only(other.permits).term).toBe(2);
      },
      brief,
    );
  });
});

describe("a holder whose time is over without its noticing", () => {
  it("sends nothing after its clock has jumped, as after a suspend", async () => {
    await electing(["a"], async (server, [a]) => {
      if (a === undefined) return;
      await until(() => expect(a.election.state().isLeader).toBe(true));
      await write(a);
      const permit = only(a.permits);
      a.skewMs = calm.renewDeadlineMs;
      const before = server.writes.length;
      const request = { task: "write", method: "POST", path: "/writes", permit } as const;
      await expect(a.client.write(request)).rejects.toMatchObject({ code: "kube-not-leader" });
      expect(server.writes).toHaveLength(before);
    });
  });

  it("sends nothing that was waiting for its connection when its time ran out", async () => {
    await electing(["a"], async (server, [a]) => {
      if (a === undefined) return;
      await until(() => expect(a.election.state().isLeader).toBe(true));
      const permit = only(a.permits);
      // A client of its own has no connection yet: the request waits for one.
      const client = createKubeClient(server.source, { userAgent: "late" });
      const body = { term: permit.term };
      const late = client.write({ task: "write", method: "POST", path: "/writes", permit, body });
      // No timer has noticed: the clock is what is asked when the bytes could go out.
      a.skewMs = calm.renewDeadlineMs;
      await expect(late).rejects.toMatchObject({ code: "kube-not-leader" });
      client.close();
      expect(server.writes).toEqual([]);
    });
  });
});

it("refuses settings that are not safe", () => {
  const client = createKubeClient({
    namespace: "x",
    read: () => Promise.reject(new Error("unused")),
    invalidate() {},
  });
  const options = { namespace: "n", name: "l", identity: "i", leaseMs: 100, renewDeadlineMs: 100 };
  expect(() => createElection({ client, logger: silent }, options)).toThrow("for its safety");
});

describe("through random faults", () => {
  const fault = fc.constantFrom<LeaseFault | undefined>("lost", "down", "error", "slow", undefined);
  const step = fc.record({
    client: fc.constantFrom("a", "b", "c"),
    fault,
    jumpMs: fc.constantFrom(0, 0, 0, 300, 5_000),
    ms: fc.integer({ min: 10, max: 400 }),
  });

  it("nobody writes in a term that is over, and somebody can write in the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async (steps) => {
        await electing(
          ["a", "b", "c"],
          async (server, candidates) => {
            const faults = new Map<string, LeaseFault | undefined>();
            server.fault = (client) => faults.get(client);
            const controller = new AbortController();
            const writers = candidates.map(async (candidate) => {
              while (!controller.signal.aborted) {
                await write(candidate).catch(() => {});
                await delay(2);
                expect(leaders(candidates).length).toBeLessThanOrEqual(1);
              }
            });
            for (const { client, fault, jumpMs, ms } of steps) {
              faults.set(client, fault);
              // As after a suspend of the holder. Time that passes for a waiter passes for the holder
              // too: that its clock alone goes forward is what an election can't be safe against.
              for (const one of candidates) {
                if (one.name === client && one.election.state().isLeader) one.skewMs += jumpMs;
              }
              await delay(ms);
            }
            faults.clear();
            const before = server.writes.length;
            await until(() => expect(server.writes.length).toBeGreaterThan(before + 3));
            controller.abort();
            await Promise.all(writers);
            expect(server.staleWrites).toEqual([]);
          },
          brief,
        );
      }),
      { numRuns: 15 },
    );
  }, 120_000);
});
