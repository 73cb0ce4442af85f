// SPDX-License-Identifier: Apache-2.0
import { getEventListeners } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { close, listen, portOf, sourceOf } from "../../test/loopback.ts";
import {
  createKubeClient,
  type KubeClient,
  type KubeClientOptions,
  type RequestOutcome,
} from "./client.ts";
import { createCachedSource } from "./credentials.ts";
import { KubeError } from "./kube-error.ts";
import { unfenced, type WritePermit } from "./write-permit.ts";

type World = {
  readonly client: KubeClient;
  readonly outcomes: RequestOutcome[];
  /** Remote ports: one for each connection. */
  readonly ports: Set<number | undefined>;
};

async function against(
  listener: RequestListener,
  test: (world: World) => Promise<void>,
  options: KubeClientOptions & { readonly path?: string; readonly tokens?: string[] } = {},
): Promise<void> {
  const ports = new Set<number | undefined>();
  const server = createServer((request, response) => {
    response.on("error", () => {});
    ports.add(request.socket.remotePort);
    listener(request, response);
  });
  server.keepAliveTimeout = 60_000;
  await listen(server);
  const { tokens = ["t"] } = options;
  const headers = () => ({
    authorization: `Bearer ${tokens.length > 1 ? tokens.shift() : tokens[0]}`,
  });
  const source = sourceOf(server, headers, options.path);
  const outcomes: RequestOutcome[] = [];
  const observe = (outcome: RequestOutcome) => void outcomes.push(outcome);
  const client = createKubeClient(source, { observe, ...options });
  try {
    await test({ client, outcomes, ports });
  } finally {
    client.close();
    await close(server);
  }
}

const task = "read it";
const read = (client: KubeClient, more = {}) => client.get({ task, path: "/x", ...more });
const change = (client: KubeClient, permit: WritePermit) =>
  client.write({ task: "change it", method: "POST", path: "/x", permit, body: { a: "ä" } });

describe("a request", () => {
  it("carries query, credentials and body, below the server's own path", async () => {
    const seen: unknown[] = [];
    await against(
      async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        const { authorization, "content-type": type, "content-length": length } = request.headers;
        seen.push([request.method, request.url, authorization, type, length, body]);
        response.end('{"b":1}');
      },
      async ({ client }) => {
        expect(await read(client, { query: { a: "1 &", b: undefined, c: true } })).toEqual({
          b: 1,
        });
        expect(await change(client, unfenced)).toEqual({ b: 1 });
      },
      { path: "/clusters/c/" },
    );
    expect(seen).toEqual([
      ["GET", "/clusters/c/x?a=1+%26&c=true", "Bearer t", undefined, undefined, ""],
      ["POST", "/clusters/c/x", "Bearer t", "application/json", "10", '{"a":"ä"}'],
    ]);
  });

  it("uses one connection for one after the other", async () => {
    await against(
      (_, response) => void response.end("{}"),
      async ({ client, ports, outcomes }) => {
        for (let n = 0; n < 10; n++) await read(client);
        expect(ports.size).toBe(1);
        expect(outcomes.map(({ method, status }) => `${method} ${status}`)).toEqual(
          Array(10).fill("GET 200"),
        );
      },
    );
  });

  it("is made once more, with new credentials, when they are refused", async () => {
    const seen: unknown[] = [];
    await against(
      (request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(request.headers.authorization === "Bearer new" ? 200 : 401).end("{}");
      },
      async ({ client }) => {
        await read(client);
        await change(client, unfenced);
      },
      { tokens: ["old", "new"] },
    );
    expect(seen).toEqual(["Bearer old", "Bearer new", "Bearer new"]);
  });

  it("fails when they are refused again", async () => {
    await against(
      (_, response) => void response.writeHead(401).end(""),
      async ({ client, outcomes }) => {
        await expect(read(client)).rejects.toMatchObject({ code: "kube-unauthorized" });
        expect(outcomes).toHaveLength(2);
      },
    );
  });

  it("is repeated when an idle connection turns out to be closed, if it only reads", async () => {
    let count = 0;
    await against(
      (request, response) => {
        if (++count % 2 === 0) request.socket.destroy();
        else response.end("{}");
      },
      async ({ client }) => {
        await read(client);
        await read(client);
        expect(count).toBe(3);
        await expect(change(client, unfenced)).rejects.toMatchObject({
          code: "kube-unreachable",
          retryable: true,
        });
        expect(count).toBe(4);
      },
    );
  });
});

describe("an answer", () => {
  it.each<[string, RequestListener, string, string]>([
    ["that never comes", () => {}, "kube-timeout", "no answer within 1000 ms"],
    [
      "that stops in the middle",
      (_, response) => void response.write("{"),
      "kube-timeout",
      "silent for 1000 ms",
    ],
    [
      "that breaks off",
      (_, response) => void response.write("{", () => response.destroy()),
      "kube-unreachable",
      "Cannot read it: ",
    ],
    ["that is not JSON", (_, response) => void response.end("<html>"), "kube-protocol", "not JSON"],
    [
      "that is too large",
      (_, response) => void response.end("x".repeat(2000)),
      "kube-protocol",
      "larger than 1000 bytes",
    ],
    [
      "of a proxy",
      (_, response) => void response.writeHead(502).end("<b>no</b>"),
      "kube-server",
      "502: <b>no</b>",
    ],
    [
      "that leads elsewhere",
      (_, response) => void response.writeHead(302, { location: "/" }).end(),
      "kube-protocol",
      "302",
    ],
  ])("%s", async (_, listener, code, message) => {
    await against(
      listener,
      async ({ client }) => {
        const error = await read(client, { timeoutMs: 1000 }).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(KubeError);
        expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
      },
      { maxAnswerBytes: 1000 },
    );
  });

  it("that nobody gives, as nobody listens", async () => {
    const server = createServer();
    await listen(server);
    const port = portOf(server);
    await close(server);
    const url = new URL(`http://127.0.0.1:${port}`);
    const source = createCachedSource(async () => ({ server: url, headers: {}, tls: {} }), {
      namespace: "",
    });
    const client = createKubeClient(source);
    await expect(read(client)).rejects.toMatchObject({ code: "kube-unreachable", retryable: true });
    client.close();
  });
});

describe("a signal", () => {
  it("ends a request at any time, and its connection", async () => {
    let closed = 0;
    await against(
      (request, response) => {
        request.socket.on("close", () => closed++);
        if (request.url === "/stream") response.write("part");
      },
      async ({ client }) => {
        const reason = new Error("enough");
        const controller = new AbortController();
        const { signal } = controller;
        const waiting = expect(read(client, { signal })).rejects.toBe(reason);
        const chunks = await client.stream({ task, path: "/stream", idleMs: 10_000, signal });
        const got: string[] = [];
        const reading = expect(
          (async () => {
            for await (const chunk of chunks) got.push(Buffer.from(chunk).toString());
          })(),
        ).rejects.toBe(reason);
        await vi.waitFor(() => expect(got).toEqual(["part"]));
        controller.abort(reason);
        await waiting;
        await reading;
        await vi.waitFor(() => expect(closed).toBe(2));
        await expect(read(client, { signal })).rejects.toBe(reason);
      },
    );
  });
});

it("leaves nothing behind on a signal that outlives it", async () => {
  const { signal } = new AbortController();
  let count = 0;
  await against(
    (request, response) => {
      if (request.url === "/stream") response.end("part");
      else if (++count % 3 === 0) response.destroy();
      else response.writeHead(count % 3 === 1 ? 200 : 500).end("{}");
    },
    async ({ client }) => {
      for (let n = 0; n < 9; n++) await read(client, { signal }).catch(() => {});
      for await (const _ of await client.stream({ task, path: "/stream", idleMs: 1000, signal }));
      await vi.waitFor(() => expect(getEventListeners(signal, "abort")).toHaveLength(0));
    },
  );
});

describe("a permit", () => {
  function permitOf() {
    const controller = new AbortController();
    let held = 0;
    const permit: WritePermit = {
      signal: controller.signal,
      term: 1,
      enter() {
        controller.signal.throwIfAborted();
        held++;
        return { release: () => void held-- };
      },
    };
    return { permit, end: () => controller.abort(new Error("over")), held: () => held };
  }

  it("is held during the write and given back after it", async () => {
    const { permit, held } = permitOf();
    const during: number[] = [];
    await against(
      (_, response) => {
        during.push(held());
        response.writeHead(during.length === 1 ? 200 : 500).end("{}");
      },
      async ({ client }) => {
        await change(client, permit);
        await change(client, permit).catch(() => {});
        expect(during).toEqual([1, 1]);
        expect(held()).toBe(0);
      },
    );
  });

  it("that ends cuts the write off, and lets no other begin", async () => {
    const { permit, end, held } = permitOf();
    let requests = 0;
    let closed = false;
    await against(
      (request) => {
        requests++;
        request.socket.on("close", () => {
          closed = true;
        });
      },
      async ({ client }) => {
        const write = expect(change(client, permit)).rejects.toThrow("over");
        await vi.waitFor(() => expect(requests).toBe(1));
        end();
        await write;
        await vi.waitFor(() => expect(closed).toBe(true));
        await expect(change(client, permit)).rejects.toThrow("over");
        expect([requests, held()]).toEqual([1, 0]);
      },
    );
  });
});

it("does not take a slow reader for a silent server", async () => {
  const size = 4 << 20;
  await against(
    (_, response) => void response.end(Buffer.alloc(size)),
    async ({ client }) => {
      const chunks = await client.stream({ task, path: "/x", idleMs: 50 });
      let got = 0;
      for await (const chunk of chunks) {
        if (got === 0) await delay(150);
        got += chunk.length;
      }
      expect(got).toBe(size);
    },
  );
});
