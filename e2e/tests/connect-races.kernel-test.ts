// SPDX-License-Identifier: Apache-2.0
// connect() to an unspecified address, while another thread changes what the kernel makes of it:
// no handshake comes about with what a list denies. What counts is what the listener accepts.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { attack, describeResult } from "./lib/attack.ts";
import { type ConnectRace, connectRaces, describeRace, runRace } from "./lib/connect-races.ts";
import { allowedPort, createOutside, type Outside } from "./lib/outside.ts";
import { Sensor } from "./lib/sensor.ts";

/** A race that is won at all is won nearly each time: the others wait until it is. */
const tries = 30;
let nextPort = 30_000;

/** How many handshakes a race completes, with a listener at the forbidden address alone. */
async function accepted(race: ConnectRace, count: number) {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {}).destroy();
  });
  const port = nextPort++;
  await listening(server, port, race.forbidden);
  const result = runRace(race, port, count);
  await setTimeout(500);
  server.close();
  return { connections, result, port };
}

async function listening(server: Server, port: number, host: string): Promise<void> {
  server.listen({ port, host, backlog: 4096 });
  await once(server, "listening");
}

const denyList = (name: string, operator: string, values: readonly string[]) => `
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: ${name} }
spec:
  kprobes:
  - call: tcp_connect
    syscall: false
    args: [{ index: 0, type: sock }]
    selectors:
    - matchArgs: [{ index: 0, operator: ${operator}, values: ${JSON.stringify(values)} }]
      matchActions: [{ action: Sigkill }]
`;

describe("races for an unspecified address", () => {
  let outside: Outside;
  before(async () => {
    outside = await createOutside();
  });
  after(() => outside[Symbol.asyncDispose]());

  for (const race of connectRaces)
    test(`unguarded: ${describeRace(race)}`, async (t) => {
      const { connections, result } = await accepted(race, 10);
      assert.equal(result.status, 0, describeResult(result));
      t.diagnostic(`${connections} of 10`);
      assert.ok(connections > 0, describeResult(result));
    });

  for (const forbidden of new Set(connectRaces.map((race) => race.forbidden)))
    describe(`with ${forbidden} on a list of what is denied`, () => {
      let sensor: Sensor;
      before(async () => {
        const policy = denyList("denied", "DAddr", [`${forbidden}/32`]);
        sensor = await Sensor.start({ policies: { "denied.yaml": policy } });
      });
      after(() => sensor?.[Symbol.asyncDispose]());

      for (const race of connectRaces.filter((race) => race.forbidden === forbidden))
        test(`no handshake: ${describeRace(race)}`, async (t) => {
          const { connections, result, port } = await accepted(race, tries);
          assert.equal(connections, 0, describeResult(result));
          assert.equal(result.status, 0, describeResult(result));
          t.diagnostic(`${result.output.trim()} processes`);
          await sensor.event(
            `a connection to port ${port} was stopped`,
            ({ process_kprobe: hook }) =>
              hook?.action === "KPROBE_ACTION_SIGKILL" && hook.args?.[0]?.sock_arg?.dport === port,
          );
        });

      test("goes on: other addresses, and letting go of a connection", () => {
        for (const argv of [
          ["connect", "10.42.0.5", `${allowedPort}`, "text"],
          ["disconnect", "10.42.0.5", `${allowedPort}`],
        ])
          assert.equal(attack(...argv).status, 0, argv.join(" "));
      });
    });

  describe("with a list of what is allowed", () => {
    test("an unspecified address is on it only by its own name", async () => {
      const port = `${allowedPort}`;
      const policy = (...more: readonly string[]) =>
        denyList("allowed", "NotDAddr", ["127.0.0.0/8", "10.42.0.0/16", ...more]);
      await using sensor = await Sensor.start({ policies: { "allowed.yaml": policy() } });
      for (const any of ["0.0.0.0", "::ffff:0.0.0.0", "::"])
        for (const call of ["connect", "fastopen-sendto", "connect-mptcp", "uring-connect"])
          assert.equal(attack(call, any, port, "text").signal, "SIGKILL", `${call} ${any}`);
      assert.equal(attack("connect", "127.0.0.1", port, "text").status, 0);
      await sensor.stop();
      await using named = await Sensor.start({
        policies: { "allowed.yaml": policy("0.0.0.0/32") },
      });
      assert.equal(attack("connect", "0.0.0.0", port, "text").status, 0);
      assert.ok(named.running);
    });
  });
});
