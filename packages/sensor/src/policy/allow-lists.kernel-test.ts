// SPDX-License-Identifier: Apache-2.0
// Many policies that each allow some peers: the index of peers answers as their rows would.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { connect } from "node:net";
import { after, test } from "node:test";
import {
  addPolicy,
  assertCountsAddUp,
  drainTypes,
  policyText,
  startGuestSensor,
  stateOf,
} from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor();
after(() => sensor[Symbol.asyncDispose]());
const { kernel, policies } = sensor;

type Peers = { readonly operator: "DAddr" | "NotDAddr"; readonly values: readonly string[] };

const onPeers = (name: string, { operator, values }: Peers, action: string, more = "") =>
  policyText(
    name,
    `
kprobes:
- call: tcp_connect
  syscall: false
  args:
  - index: 0
    type: sock
  selectors:
  - matchArgs:
    - index: 0
      operator: ${operator}
      values: ${JSON.stringify(values)}
${more}    matchActions:
    - action: ${action}`,
  );

/** Comes back when the connection is refused (nobody listens). */
function attempt(host: string): Promise<void> {
  return new Promise((done) => {
    connect({ host, port: 9 }).on("error", () => done());
  });
}

/** Address → what is around it. All are on this machine. */
const peers: Readonly<Record<string, readonly string[]>> = {
  "127.0.0.1": ["127.0.0.1/32", "127.0.0.0/16", "127.0.0.0/8", "0.0.0.0/0"],
  "127.1.0.1": ["127.1.0.0/16", "127.0.0.0/8", "0.0.0.0/0"],
  "127.1.2.3": ["127.1.2.3/32", "127.1.2.0/24", "127.1.0.0/16", "127.0.0.0/8", "0.0.0.0/0"],
  "::ffff:127.9.9.9": ["127.9.9.9/32", "127.0.0.0/8", "0.0.0.0/0"],
  "::1": ["::1/128", "::/0"],
  "fd99::7": ["fd99::7/128", "fd99::/64", "::/0"],
};

test("each of a hundred policies counts the peers it asks for", async () => {
  execFileSync("ip", ["-6", "address", "add", "fd99::7/128", "dev", "lo"]);
  const networks = [...new Set(Object.values(peers).flat()), "2001:db8::/32"];
  const asked = Array.from({ length: 100 }, (_, i): Peers => {
    const values = networks.filter((_, k) => Math.imul(i + 1, 40_503 * (k + 7)) % 97 < 20);
    return { operator: i % 3 === 0 ? "DAddr" : "NotDAddr", values: ["10.0.0.0/8", ...values] };
  });
  for (const [i, one] of asked.entries())
    await addPolicy(policies, onPeers(`asks-${i}`, one, "Post"));
  const rounds = 3;
  for (let round = 0; round < rounds; round++)
    for (const host of Object.keys(peers)) await attempt(host);
  const counted = asked.map((_, i) => {
    const state = stateOf(policies, `asks-${i}`);
    assertCountsAddUp(state);
    return Number(state.counters.matched);
  });
  const expected = asked.map(({ operator, values }) => {
    const isIn = (around: readonly string[]) => around.some((network) => values.includes(network));
    const wanted = Object.values(peers).filter((around) => isIn(around) === (operator === "DAddr"));
    return rounds * wanted.length;
  });
  assert.deepEqual(counted, expected);
  assert.ok(new Set(expected).size > 4, "the policies differ");
  drainTypes(kernel);
  for (let i = 0; i < asked.length; i++)
    await policies.remove({ name: `asks-${i}`, namespace: "", origin: "static" });
});

test("where thirty allow lists enforce, only what all of them allow is reached", async () => {
  for (let i = 0; i < 30; i++) {
    const values = ["127.0.0.1", `127.${i}.0.0/16`, "::1/128"];
    await addPolicy(policies, onPeers(`allows-${i}`, { operator: "NotDAddr", values }, "Sigkill"));
  }
  const reach = (host: string) =>
    spawnSync("bash", ["-c", `exec 3<>/dev/tcp/${host}/9`], { encoding: "utf8" });
  for (const host of ["127.0.0.1", "::1"]) {
    const { signal, status, stderr } = reach(host);
    assert.deepEqual({ signal, status }, { signal: null, status: 1 }, stderr);
  }
  for (const host of ["127.5.0.1", "127.29.0.1", "127.30.0.1", "fd99::7", "192.0.2.1"])
    assert.equal(reach(host).signal, "SIGKILL", host);
  assert.equal(stateOf(policies, "allows-5").counters.matched, 4n);
  assert.equal(stateOf(policies, "allows-6").counters.matched, 5n);
});
