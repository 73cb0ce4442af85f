// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PolicyContents } from "../src/bundles/policy-contents.ts";
import { renewCertificates } from "../src/identity/renew-certificates.ts";
import { createServingCertificate } from "../src/identity/serving-certificate.ts";
import { SensorHub } from "../src/sensors/sensor-hub.ts";
import { createSensorServer, type SensorServer } from "../src/sensors/sensor-server.ts";
import { Resolver } from "../src/workloads/resolver.ts";
import { TestSensor } from "./test-sensor.ts";

let server: SensorServer;
let port = 0;
let ca = "";
const resolver = new Resolver();
const hub = new SensorHub({ resolver, contents: new PolicyContents() });

beforeEach(async () => {
  resolver.putNode("node-a", {});
  const certificate = createServingCertificate();
  const made = await renewCertificates(undefined, Date.now(), {
    names: ["127.0.0.1", "localhost"],
  });
  ca = made.authority.cert;
  certificate.set({ ...made.server, ca });
  server = createSensorServer(
    { hub, verify: async () => ({ node: "node-a" }), certificate },
    { host: "127.0.0.1" },
  );
  port = (await server.listen()).port;
});
afterEach(() => server[Symbol.asyncDispose]());

/** A sensor that behaves is served all the same. */
async function expectService(): Promise<void> {
  using sensor = new TestSensor(port, "token", ca);
  sensor.hello({ node: "node-a" });
  sensor.ack((await sensor.version()).commit);
}

const options = (): ConnectionOptions => ({
  port,
  host: "127.0.0.1",
  servername: "localhost",
  ca,
  ALPNProtocols: ["h2"],
});

/** The connection below TLS, too, that can be reset. */
async function open(more: Partial<ConnectionOptions> = {}) {
  const plain = await openPlain();
  const socket = connect({ ...options(), ...more, socket: plain });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return { socket, plain };
}

async function openPlain(): Promise<Socket> {
  const socket = connectPlain(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const settings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0";

describe("a connection", () => {
  it.each<readonly [string, () => Promise<void>]>([
    ["is reset before its handshake", async () => void (await openPlain()).resetAndDestroy()],
    [
      "is reset within its handshake",
      async () => {
        const socket = await openPlain();
        socket.write(Buffer.from([22, 3, 1, 2, 0, 1]));
        socket.resetAndDestroy();
      },
    ],
    ["speaks no TLS", async () => void (await openPlain()).write(settings)],
    [
      "is reset after its handshake",
      async () => {
        const { plain } = await open();
        plain.resetAndDestroy();
      },
    ],
    [
      "speaks no protocol",
      async () => {
        const { socket, plain } = await open({ ALPNProtocols: [] });
        socket.write("GET / HTTP/1.1\r\n\r\n");
        plain.resetAndDestroy();
      },
    ],
    [
      "names no protocol and stays",
      async () => {
        await open({ ALPNProtocols: [] });
      },
    ],
    [
      "sends garbage",
      async () => {
        const { socket, plain } = await open();
        socket.write(Buffer.alloc(100_000, 7));
        plain.resetAndDestroy();
      },
    ],
    [
      "sends half a frame and goes",
      async () => {
        const { socket, plain } = await open();
        socket.write(`${settings}\0\u0010`);
        plain.resetAndDestroy();
      },
    ],
  ])("that %s harms nobody, and is cut off at the end", async (_, misbehave) => {
    await misbehave();
    await expectService();
  });

  it("of TLS before 1.3 isn't served", async () => {
    await expect(open({ maxVersion: "TLSv1.2" })).rejects.toThrow();
  });
});

describe("the end of a replica", () => {
  it("is told to its sensors, and doesn't wait for those who say nothing", async () => {
    await openPlain();
    await open();
    const sensor = new TestSensor(port, "token", ca);
    sensor.hello({ node: "node-a" });
    sensor.ack((await sensor.version()).commit);
    const startMs = performance.now();
    await server[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await sensor.ended).toEqual({
      code: status.UNAVAILABLE,
      details: "This replica of the operator is going away",
    });
    sensor[Symbol.dispose]();
  });
});
