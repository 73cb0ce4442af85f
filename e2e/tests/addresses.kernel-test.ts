// SPDX-License-Identifier: Apache-2.0
// One address in several forms: what a policy says of one of them holds for the others.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { attack, describeResult, run, UNSUPPORTED } from "./lib/attack.ts";
import { createOutside, type Outside } from "./lib/outside.ts";
import { Sensor } from "./lib/sensor.ts";

const onAddress = (name: string, call: string, type: string, filters: readonly string[]) =>
  [
    "apiVersion: cilium.io/v1alpha1",
    "kind: TracingPolicy",
    `metadata: {name: ${name}}`,
    "spec:",
    "  kprobes:",
    `  - call: ${call}`,
    "    syscall: false",
    `    args: [{index: ${type === "sock" ? 0 : 1}, type: ${type}}]`,
    "    selectors:",
    "    - matchArgs:",
    ...filters.map((filter) => `      - {index: ${type === "sock" ? 0 : 1}, ${filter}}`),
    "      matchActions: [{action: Sigkill}]",
    "",
  ].join("\n");

const port = 20_300;

describe("addresses in other forms", () => {
  let sensor: Sensor;
  let outside: Outside;
  before(async () => {
    outside = await createOutside();
    sensor = await Sensor.start({
      policies: {
        "bind.yaml": onAddress("bind", "security_socket_bind", "sockaddr", [
          'operator: SPort, values: ["4444"]',
        ]),
        "connect.yaml": onAddress("connect", "security_socket_connect", "sockaddr", [
          `operator: SPort, values: ["${port}"]`,
          'operator: SAddr, values: ["127.0.0.0/8"]',
        ]),
        "tcp.yaml": onAddress("tcp", "tcp_connect", "sock", [
          "operator: Protocol, values: [IPPROTO_TCP]",
          `operator: DPort, values: ["${port + 1}"]`,
        ]),
      },
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    await outside?.[Symbol.asyncDispose]();
  });

  for (const kind of ["tcp", "udp", "mptcp"])
    test(`bind of an address without a family, ${kind}`, () => {
      const result = attack("bind-unspecified", "4444", kind);
      assert.equal(result.signal, "SIGKILL", describeResult(result));
      const other = attack("bind-unspecified", "4445", kind);
      assert.match(other.output, /^bound 4445$/m, describeResult(other));
    });

  for (const address of ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::ffff:0.0.0.0", "::"])
    test(`connect to ${address}, where the address that it is given is asked for`, async () => {
      const result = attack("connect", address, `${port}`, "text");
      assert.equal(result.signal, "SIGKILL", describeResult(result));
      assert.equal((await outside.seen(port)).accepted, 0);
    });

  test("an association is ended by an address without a family", () => {
    const result = attack("disconnect", "127.0.0.1", `${port + 2}`, "text");
    assert.equal(result.status, 0, describeResult(result));
  });

  for (const name of ["connect", "connect-mptcp", "connect-smc", "connect-smc-inet"])
    test(`${name}, where the protocol TCP is asked for`, async (t) => {
      const result = attack(name, "127.0.0.1", `${port + 1}`, "text");
      if (result.status === UNSUPPORTED) return t.skip(result.errors.trim());
      assert.equal(result.signal, "SIGKILL", describeResult(result));
      const { packets, accepted } = await outside.seen(port + 1);
      assert.deepEqual({ packets, accepted }, { packets: 0, accepted: 0 });
    });

  for (const name of ["fastopen-sendto", "fastopen-mptcp", "fastopen-smc", "fastopen-smc-inet"])
    test(`${name}, where the protocol TCP is asked for`, async (t) => {
      const result = attack(name, "127.0.0.1", `${port + 1}`, "text");
      if (result.status === UNSUPPORTED) return t.skip(result.errors.trim());
      assert.equal(result.signal, "SIGKILL", describeResult(result));
      assert.equal((await outside.seen(port + 1)).packets, 0);
    });

  test("others go on", () => {
    const result = run("bash", ["-c", `exec 3<>/dev/tcp/127.0.0.1/${port + 3}`]);
    assert.equal(result.status, 0, describeResult(result));
  });
});
