// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { type Fault, type FaultServer, startFaultServer } from "../../test/fault-server.ts";
import { createKubeClient } from "../client/client.ts";
import type { KubeObject } from "./kube-object.ts";
import { createReflector, type Reflector } from "./reflector.ts";

type Thing = KubeObject & { readonly data: string };
type Kept = { readonly uid: string; readonly data: string };

const silent = createLogger({ write: () => {} });

/** Runs `test` with a reflector that follows a server; both are gone afterwards. */
async function following(
  test: (world: {
    server: FaultServer;
    reflector: Reflector<Kept>;
    told: string[];
    stop: () => Promise<void>;
  }) => Promise<void>,
  prepare: (server: FaultServer) => void = () => {},
  idleMs = 300,
): Promise<void> {
  const server = await startFaultServer();
  prepare(server);
  const client = createKubeClient(server.source);
  const told: string[] = [];
  const reflector = createReflector<Kept, Thing>(
    { client, logger: silent },
    {
      resource: { group: "", version: "v1", plural: "things" },
      project: ({ metadata: { uid }, data }) =>
        data === "ignored" ? undefined : { uid, data: data === "broken" ? fail() : data },
      onChange: ({ type, key }) => told.push(`${type} ${key}`),
      pageSize: 3,
      maxObjectBytes: 100_000,
      timing: {
        watchIdleMs: idleMs,
        listIdleMs: idleMs,
        backOffBaseMs: 5,
        backOffMaxMs: 50,
        stableMs: 100,
      },
    },
  );
  const controller = new AbortController();
  const running = reflector.run({ signal: controller.signal });
  const stop = async () => {
    controller.abort();
    await running;
  };
  try {
    await test({ server, reflector, told, stop });
  } finally {
    await stop();
    client.close();
    await server.close();
  }
}

function fail(): never {
  throw new Error("cannot project");
}

const kept = (reflector: Reflector<Kept>) =>
  Object.fromEntries([...reflector.store.entries()].map(([key, { data }]) => [key, data]));

async function agree(server: FaultServer, reflector: Reflector<Kept>): Promise<void> {
  await vi.waitFor(
    () => {
      expect(reflector.state().synced).toBe(true);
      expect(kept(reflector)).toEqual(server.state);
    },
    { timeout: 15_000, interval: 5 },
  );
}

function fill(count: number) {
  return (server: FaultServer) => {
    for (let n = 0; n < count; n++) server.put(`thing-${n}`, `ä€😀 ${n}`);
  };
}

const watching = (server: FaultServer) =>
  vi.waitFor(() => expect(server.watchCount).toBe(1), { timeout: 15_000, interval: 5 });

describe("a reflector", () => {
  it("lists page by page and follows from that version, with bookmarks", async () => {
    await following(async ({ server, reflector }) => {
      await agree(server, reflector);
      await watching(server);
      expect(server.requests.map((request) => request.replace(/timeoutSeconds=\d+/, "…"))).toEqual([
        "GET /api/v1/things?limit=3",
        "GET /api/v1/things?limit=3&continue=page-0",
        "GET /api/v1/things?limit=3&continue=page-1",
        "GET /api/v1/things?watch=true&allowWatchBookmarks=true&resourceVersion=8&…",
      ]);
      server.put("thing-0", "changed");
      server.remove("thing-1");
      server.put("new", "new");
      await agree(server, reflector);
      expect(reflector.state()).toMatchObject({
        phase: "watching",
        events: 3,
        objects: 7,
        lists: 1,
      });
    }, fill(7));
  });

  it("goes on where it was after a reset, without a list", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      server.endWatches("reset");
      server.put("thing-0", "while nobody watched");
      await agree(server, reflector);
      expect(reflector.state()).toMatchObject({ lists: 1, restarts: { connection: 1 } });
    }, fill(2));
  });

  it("goes on behind the last event it has seen, bookmark or not", async () => {
    await following(
      async ({ server, reflector }) => {
        await watching(server);
        server.put("thing-0", "last seen");
        await agree(server, reflector);
        server.endWatches("end");
        await vi.waitFor(() => expect(server.requests.at(-1)).toContain("resourceVersion=4"));
      },
      (server) => {
        fill(2)(server);
        server.bookmarks = false;
      },
    );
  });

  it("finds a watch that stalls without being closed", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      server.stallWatches();
      server.put("thing-0", "unheard");
      await agree(server, reflector);
      expect(reflector.state().restarts.silence).toBe(1);
      expect(reflector.state().lists).toBe(1);
    }, fill(2));
  });

  it("lists again when watches hear nothing at all: the version may lie in the future", async () => {
    await following(async ({ server, reflector }) => {
      for (let n = 0; n < 20; n++) server.put("thing-1", `version ${n}`);
      await agree(server, reflector);
      server.restore({ "thing-0": "of the backup" });
      server.endWatches("reset");
      await agree(server, reflector);
      expect(reflector.state()).toMatchObject({ lists: 2, restarts: { silence: 2 } });
    }, fill(2));
  });

  it("does not take a quiet watch with bookmarks for a stalled one", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      await vi.waitFor(() => expect(reflector.state().bookmarks).toBeGreaterThan(30), 10_000);
      expect(reflector.state().restarts.silence).toBe(0);
      expect(reflector.state().sinceContactMs).toBeLessThan(300);
    }, fill(1));
  });

  it("tells what was deleted while the history was lost", async () => {
    await following(async ({ server, reflector, told }) => {
      await agree(server, reflector);
      await watching(server);
      server.endWatches("gone");
      told.length = 0;
      server.remove("thing-1");
      server.put("thing-2", "x");
      server.remove("thing-3");
      server.put("thing-3", "of the same name");
      server.compact();
      await agree(server, reflector);
      expect(told.sort()).toEqual([
        "added ns/thing-3",
        "deleted ns/thing-1",
        "deleted ns/thing-3",
        "updated ns/thing-2",
      ]);
      expect(reflector.state()).toMatchObject({ lists: 2, restarts: { expired: 1 } });
    }, fill(5));
  });

  it("lists again when a bookmark's version is gone as well (HTTP 410)", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      server.faults.push({ kind: "status", status: 410 });
      server.endWatches("end");
      server.remove("thing-0");
      await agree(server, reflector);
      await vi.waitFor(() => expect(reflector.state().lists).toBe(2));
    }, fill(2));
  });

  it("takes all in one answer when pages keep expiring", async () => {
    const gone: Fault = { kind: "gone" };
    const drip: Fault = { kind: "drip" };
    await following(
      async ({ server, reflector }) => {
        await agree(server, reflector);
        expect(server.requests.filter((request) => !request.includes("watch"))).toEqual([
          "GET /api/v1/things?limit=3",
          "GET /api/v1/things?limit=3&continue=page-0",
          "GET /api/v1/things?limit=3",
          "GET /api/v1/things?limit=3&continue=page-1",
          "GET /api/v1/things",
        ]);
      },
      (server) => {
        fill(9)(server);
        server.faults.push(drip, gone, drip, gone);
      },
    );
  });

  it("waits as long as an overloaded server asks", async () => {
    await following(
      async ({ server, reflector }) => {
        const startedMs = performance.now();
        await agree(server, reflector);
        expect(performance.now() - startedMs).toBeGreaterThan(900);
        expect(server.requests.filter((request) => request.includes("limit"))).toHaveLength(2);
        expect(reflector.state().restarts.throttled).toBe(1);
      },
      (server) => {
        fill(1)(server);
        server.faults.push({ kind: "status", status: 429, retryAfter: "1" });
      },
    );
  });

  it("reads its credentials again when the token has expired", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      server.token = "second";
      server.endWatches("end");
      server.put("thing-0", "x");
      // The new token is on disk a little later than the old one ends.
      await vi.waitFor(() => expect(reflector.state().restarts.credentials).toBeGreaterThan(0));
      server.clientToken = "second";
      await agree(server, reflector);
      expect(reflector.state().lists).toBe(1);
    }, fill(1));
  });

  it.each<[string, string, string]>([
    ["something that is not JSON", "<html>\n", "protocol"],
    ["an event nobody knows", '{"type":"NEWS","object":{}}\n', "protocol"],
    ["an event without an object", '{"type":"ADDED","object":{"metadata":{}}}\n', "protocol"],
    ["a line without end", "x".repeat(200_000), "protocol"],
    ["an error of the server", '{"type":"ERROR","object":{"code":500}}\n', "server"],
    ["an error that says nothing", '{"type":"ERROR","object":{}}\n', "protocol"],
  ])("recovers from %s", async (_, line, cause) => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      server.sendLine(line);
      server.remove("thing-0");
      await agree(server, reflector);
      await vi.waitFor(() => expect(reflector.state().restarts).toMatchObject({ [cause]: 1 }));
    }, fill(2));
  });

  it("survives a restart of the server", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      const { port } = server;
      await server.close();
      await vi.waitFor(() => expect(reflector.state().restarts.connection).toBeGreaterThan(2));
      expect(kept(reflector)).toEqual(server.state);
      expect(reflector.state().lastError?.message).toMatch(/^Cannot watch things: .*ECONNREFUSED/);
      server.put("thing-0", "x");
      await server.listen(port);
      await agree(server, reflector);
    }, fill(2));
  });

  it("keeps what it cannot project, and forgets what doesn't matter any more", async () => {
    await following(async ({ server, reflector }) => {
      await watching(server);
      server.put("thing-0", "broken");
      server.put("thing-1", "ignored");
      server.put("thing-2", "seen");
      await vi.waitFor(() => expect(kept(reflector)["ns/thing-2"]).toBe("seen"));
      const expected = { "ns/thing-0": "ä€😀 0", "ns/thing-2": "seen" };
      expect(kept(reflector)).toEqual(expected);
      server.compact();
      server.endWatches("gone");
      await vi.waitFor(() => expect(reflector.state().lists).toBe(2));
      expect(kept(reflector)).toEqual(expected);
      expect(reflector.state().projectionFailures).toBe(2);
    }, fill(3));
  });

  it("ends at once when it is told to, also in the middle of a wait", async () => {
    await following(
      async ({ server, reflector, stop }) => {
        await vi.waitFor(() => expect(server.requests).toHaveLength(1));
        const synced = reflector.whenSynced({ signal: AbortSignal.timeout(50) });
        await stop();
        expect(await synced).toBe(false);
        expect(reflector.state().phase).toBe("stopped");
      },
      (server) => server.faults.push({ kind: "status", status: 429, retryAfter: "3600" }),
    );
  });
});

describe("after random changes and faults", () => {
  const name = fc.integer({ min: 0, max: 11 }).map((n) => `thing-${n}`);
  const afterBytes = fc.integer({ min: 0, max: 900 });
  const fault = fc.oneof<fc.Arbitrary<Fault>[]>(
    fc.record({
      kind: fc.constant("status" as const),
      status: fc.constantFrom(410, 429, 500, 503, 401),
    }),
    fc.record({
      kind: fc.constantFrom("reset" as const, "end" as const, "stall" as const),
      afterBytes,
    }),
    fc.record({ kind: fc.constant("drip" as const) }),
    fc.record({ kind: fc.constant("gone" as const) }),
    fc.record({
      kind: fc.constant("text" as const),
      body: fc.constantFrom("", "<html>", "{}", "[]", "{"),
    }),
  );
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ put: name, data: fc.string({ unit: "grapheme" }) }) },
    { weight: 2, arbitrary: fc.record({ remove: name }) },
    { weight: 2, arbitrary: fc.record({ fault }) },
    {
      weight: 1,
      arbitrary: fc.record({
        end: fc.constantFrom("reset" as const, "end" as const, "gone" as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ compact: true as const }) },
    { weight: 2, arbitrary: fc.record({ pauseMs: fc.integer({ min: 0, max: 30 }) }) },
  );

  it("holds exactly what the server holds, and has told each step to get there", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await following(
          async ({ server, reflector, told }) => {
            for (const one of steps) {
              if ("put" in one) server.put(one.put, `d${one.data}`);
              if ("remove" in one) server.remove(one.remove);
              if ("fault" in one) server.faults.push(one.fault);
              if ("end" in one) server.endWatches(one.end);
              if ("compact" in one) server.compact();
              if ("pauseMs" in one)
                await new Promise((resolve) => setTimeout(resolve, one.pauseMs));
            }
            server.put("last", "last");
            await agree(server, reflector);
            const heard = new Set<string>();
            for (const words of told) {
              const [type, key = ""] = words.split(" ");
              expect(heard.has(key)).toBe(type !== "added");
              if (type === "deleted") heard.delete(key);
              else heard.add(key);
            }
            expect([...heard].sort()).toEqual(Object.keys(server.state).sort());
          },
          fill(4),
          100,
        );
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
