// SPDX-License-Identifier: Apache-2.0
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { createSender } from "./send-request.ts";

const never = new AbortController().signal;

async function serve(listener: RequestListener) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`);
    listener(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { seen, port, [Symbol.dispose]: () => void server.closeAllConnections() };
}

/** Answers questions for A with an address, or with an error code; nothing: it is silent. */
async function nameServer(answer: string | number | undefined) {
  const socket = createSocket("udp4");
  const asked: string[] = [];
  socket.on("message", (question, from) => {
    let at = 12;
    const labels: string[] = [];
    for (let size = question[at] ?? 0; size > 0; size = question[at] ?? 0) {
      labels.push(question.toString("latin1", at + 1, at + 1 + size));
      at += size + 1;
    }
    asked.push(labels.join("."));
    if (answer === undefined) return;
    const head = Buffer.from(question.subarray(0, at + 5));
    const found = typeof answer === "string";
    head.writeUInt16BE(0x8180 | (found ? 0 : answer), 2);
    head.writeUInt16BE(found ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const record = found
      ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...answer.split(".").map(Number)]
      : [];
    socket.send(Buffer.concat([head, Buffer.from(record)]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const nameServers = [`127.0.0.1:${socket.address().port}`];
  return { asked, nameServers, [Symbol.dispose]: () => void socket.close() };
}

it("gets the page, whatever the server answers", async () => {
  for (const status of [200, 404, 500]) {
    using server = await serve((_, response) => response.writeHead(status).end("text"));
    const url = `http://127.0.0.1:${server.port}/opened?by=x`;
    await createSender()({ action: "get-url", url }, never);
    expect(server.seen).toEqual([`GET /opened?by=x 127.0.0.1:${server.port}`]);
  }
});

it("follows no redirect", async () => {
  using other = await serve((_, response) => response.end());
  using server = await serve((_, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${other.port}/` }).end(),
  );
  await createSender()({ action: "get-url", url: `http://127.0.0.1:${server.port}/` }, never);
  expect(server.seen.length).toBe(1);
  expect(other.seen).toEqual([]);
});

it("does not read an answer without an end", async () => {
  let sent = 0;
  let closed = () => {};
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  using server = await serve((_, response) => {
    response.writeHead(200);
    const piece = Buffer.alloc(65_536);
    const more = () => {
      sent += piece.length;
      if (!response.destroyed) response.write(piece, () => setImmediate(more));
    };
    response.on("close", closed);
    more();
  });
  await createSender()({ action: "get-url", url: `http://127.0.0.1:${server.port}/` }, never);
  await isClosed;
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

it("fails where nobody answers in time, where nobody listens, and at endless headers", async () => {
  const sockets: Socket[] = [];
  const silent = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const { port } = silent.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/`;
  const send = createSender();
  await expect(send({ action: "get-url", url }, AbortSignal.timeout(100))).rejects.toThrow();
  silent.on("connection", (socket) => {
    const more = () => socket.writable && socket.write("x: y\r\n".repeat(1000), more);
    socket.write("HTTP/1.1 200 OK\r\n", more);
  });
  await expect(send({ action: "get-url", url }, AbortSignal.timeout(5_000))).rejects.toThrow(
    /Header/i,
  );
  for (const socket of sockets) socket.destroy();
  silent.close();
  await once(silent, "close");
  await expect(send({ action: "get-url", url }, never)).rejects.toThrow(/ECONNREFUSED/);
});

it("asks for the name; that there is none is an answer", async () => {
  for (const answer of ["192.0.2.1", 3]) {
    using server = await nameServer(answer);
    const send = createSender(server);
    await send({ action: "dns-lookup", name: "canary.example" }, never);
    expect(server.asked).toEqual(["canary.example"]);
  }
});

it("fails where no name server answers, or it refuses", async () => {
  using silent = await nameServer(undefined);
  const request = { action: "dns-lookup", name: "canary.example" } as const;
  await expect(createSender(silent)(request, AbortSignal.timeout(100))).rejects.toThrow();
  using refusing = await nameServer(5);
  await expect(createSender(refusing)(request, never)).rejects.toThrow();
});

it("resolves the host of a URL by the same servers", async () => {
  using names = await nameServer("127.0.0.1");
  using server = await serve((_, response) => response.end());
  const url = `http://canary.example:${server.port}/`;
  await createSender(names)({ action: "get-url", url }, never);
  expect(server.seen).toEqual([`GET / canary.example:${server.port}`]);
  expect(names.asked).toEqual(["canary.example"]);
});
