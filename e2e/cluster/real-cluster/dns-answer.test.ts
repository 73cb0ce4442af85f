// SPDX-License-Identifier: Apache-2.0
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { expect, test } from "vitest";
import { dnsAnswer } from "./dns-answer.ts";

const names = new Map([["gander-operator.gander-system.svc.cluster.local", "10.43.7.8"]]);

/** What Node's resolver (c-ares) makes of the answers. */
async function resolve(name: string, type: "A" | "AAAA"): Promise<unknown> {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) =>
    socket.send(
      dnsAnswer(query, (one) => names.get(one)),
      port,
      address,
    ),
  );
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  try {
    return await resolver.resolve(name, type);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    socket.close();
  }
}

test("a service has its address, whatever the case of its name", async () => {
  expect(await resolve("Gander-Operator.gander-system.svc.cluster.local", "A")).toEqual([
    "10.43.7.8",
  ]);
});

test("another type of it has no data", async () => {
  expect(await resolve("gander-operator.gander-system.svc.cluster.local", "AAAA")).toBe("ENODATA");
});

test("any other name does not exist", async () => {
  expect(await resolve("example.com", "A")).toBe("ENOTFOUND");
});

test("a query that is cut short is refused", () => {
  expect(() => dnsAnswer(Buffer.alloc(13, 1), () => undefined)).toThrow(RangeError);
});
