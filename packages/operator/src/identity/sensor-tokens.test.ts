// SPDX-License-Identifier: Apache-2.0
import { createKubeClient } from "@gander/kube";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RecordingServer, type Reply } from "../../../kube/test/recording-server.ts";
import { createSensorTokens, type SensorTokensOptions } from "./sensor-tokens.ts";

const logger = { debug() {}, info() {}, warn() {}, error() {}, with: () => logger };
const { signal } = new AbortController();
const peer = "10.0.0.7:4711";

const accepted = {
  authenticated: true,
  audiences: ["gander-operator"],
  user: {
    username: "system:serviceaccount:gander-system:gander-sensor",
    extra: { "authentication.kubernetes.io/node-name": ["node-a"] },
  },
};

let server: RecordingServer;
beforeEach(async () => {
  server = new RecordingServer();
  await server.listen();
});
afterEach(() => server.close());

function answering(reply: (token: string) => Reply | Promise<Reply>) {
  server.reply = ({ body }) => reply((body as { spec: { token: string } }).spec.token) as Reply;
}

const verifier = (options: Partial<SensorTokensOptions> = {}) =>
  createSensorTokens(
    { client: createKubeClient(server.source), logger },
    {
      namespace: "gander-system",
      serviceAccount: "gander-sensor",
      audience: "gander-operator",
      ...options,
    },
  );

describe("a sensor's token", () => {
  it("is that of the node that the API server names", async () => {
    answering(() => ({ status: 201, body: { status: accepted } }));
    expect(await verifier()({ token: "t", peer }, { signal })).toEqual({ node: "node-a" });
    expect(server.requests[0]).toMatchObject({
      method: "POST",
      url: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: { kind: "TokenReview", spec: { token: "t", audiences: ["gander-operator"] } },
    });
  });

  it.each([
    ["isn't authentic", { authenticated: false, error: "expired" }, /doesn't accept the token/],
    [
      "was made for nobody known",
      { ...accepted, audiences: undefined },
      /audience "gander-operator"/,
    ],
    [
      "was made for somebody else",
      { ...accepted, audiences: ["vault"] },
      /audience "gander-operator"/,
    ],
    [
      "is of another account",
      {
        ...accepted,
        user: { ...accepted.user, username: "system:serviceaccount:default:gander-sensor" },
      },
      /gander-system\/gander-sensor/,
    ],
    ["names no node", { ...accepted, user: { ...accepted.user, extra: {} } }, /names no node/],
    [
      "names two nodes",
      {
        ...accepted,
        user: {
          ...accepted.user,
          extra: { "authentication.kubernetes.io/node-name": ["node-a", "node-b"] },
        },
      },
      /names no node/,
    ],
  ])("is refused if it %s", async (_, status, problem) => {
    answering(() => ({ status: 201, body: { status } }));
    const answer = await verifier()({ token: "t", peer }, { signal });
    expect(answer.problem).toMatch(problem);
  });

  it.each([
    ["fails", { status: 500 }],
    ["may not be asked", { status: 403 }],
    ["goes away", "lost"],
    ["answers something else", { status: 200, body: {} }],
  ] as const)("is neither accepted nor refused if the API server %s", async (_, reply) => {
    answering(() => reply);
    const verify = verifier();
    await expect(verify({ token: "t", peer }, { signal })).rejects.toThrow();
    // And that isn't kept.
    answering(() => ({ status: 201, body: { status: accepted } }));
    expect(await verify({ token: "t", peer }, { signal })).toEqual({ node: "node-a" });
  });

  it("is asked for once by many at the same time, and again when the answer is old", async () => {
    let now = 0;
    answering((token) => ({
      status: 201,
      body: { status: token === "bad" ? { authenticated: false } : accepted },
    }));
    const verify = verifier({ acceptedMs: 100, refusedMs: 10, now: () => now });
    await Promise.all(Array.from({ length: 9 }, () => verify({ token: "t", peer }, { signal })));
    await verify({ token: "bad", peer }, { signal });
    expect(server.requests).toHaveLength(2);
    now = 50;
    await verify({ token: "t", peer }, { signal });
    await verify({ token: "bad", peer }, { signal });
    expect(server.requests).toHaveLength(3);
    now = 100;
    await verify({ token: "t", peer }, { signal });
    expect(server.requests).toHaveLength(4);
  });

  it("waits for its turn when a fleet comes at once", async () => {
    let running = 0;
    let most = 0;
    answering(() => ({ status: 201, body: { status: accepted } }));
    const client = createKubeClient(server.source);
    const verify = createSensorTokens(
      {
        client: {
          ...client,
          write: async (request) => {
            most = Math.max(most, ++running);
            return client.write<never>(request).finally(() => running--);
          },
        },
        logger,
      },
      {
        namespace: "gander-system",
        serviceAccount: "gander-sensor",
        audience: "gander-operator",
        concurrency: 4,
      },
    );
    const all = Array.from({ length: 40 }, (_, i) => verify({ token: `t${i}`, peer }, { signal }));
    expect(await Promise.all(all)).toEqual(all.map(() => ({ node: "node-a" })));
    expect(most).toBe(4);
  });

  it("whose sensor has gone isn't asked for", async () => {
    await expect(
      verifier()({ token: "t", peer }, { signal: AbortSignal.abort() }),
    ).rejects.toThrow();
    expect(server.requests).toHaveLength(0);
  });
});
