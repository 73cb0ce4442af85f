// SPDX-License-Identifier: Apache-2.0
// What is read of packets, of devices, and of bytes in several pieces.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import type { MessageArgType } from "../../packages/policy/src/index.ts";
import { createGuard } from "./guard.ts";
import { Observer } from "./observer.ts";
import { shownArgument } from "./shown-argument.ts";
import type { Filter, Slot } from "./tables.ts";

const guard = createGuard({ kinds: ["kprobe", "fentry"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const observer = new Observer(guard);
before(() => spawnSync("ip", ["link", "set", "lo", "up"]));

const scenes = "/gander/bpf/build/test/scenes";
const play = (...scene: readonly string[]) => {
  const { status, stderr } = spawnSync(scenes, scene);
  assert.equal(status, 0, String(stderr));
};
const traced = (target: string, nargs: number) => ({ kind: "fentry", target, nargs }) as const;
const packet: Slot = { type: "VALUE_SKB", raw: 2 };

/** What events show of packets that leave while datagrams are sent. */
async function sent(target: "ip_output" | "ip6_output", ...filters: readonly Filter[]) {
  const act = () => play("send-packets");
  const records = await observer.records(traced(target, 3), [packet], act, filters);
  return records
    .map(({ args: [arg] }) => shownArgument("skb" satisfies MessageArgType, arg).skb_arg)
    .filter((shown) => shown?.proto === 17); // not ICMP: nobody listens
}

test("packets of IPv4, also a later fragment", async () => {
  const shown = await sent("ip_output");
  const datagram = shown.find((one) => one?.dport === 5354);
  assert.equal(datagram?.saddr, "127.0.0.1");
  assert.equal(datagram?.daddr, "127.0.0.3");
  assert.equal(datagram?.len, 36);
  assert.equal(datagram?.proto, 17);
  assert.equal(datagram?.protocol, "IPPROTO_UDP");
  assert.equal(datagram?.family, "AF_INET");
  assert.ok((datagram?.sport ?? 0) > 0);
  const fragment = shown.find((one) => one?.len === 28);
  assert.deepEqual(
    { daddr: fragment?.daddr, proto: fragment?.proto, dport: fragment?.dport },
    { daddr: "127.0.0.3", proto: 17, dport: undefined },
  );
});

test("packets of IPv6, also behind an extension header", async () => {
  const shown = await sent("ip6_output");
  for (const port of [5355, 5356]) {
    const datagram = shown.find((one) => one?.dport === port);
    assert.equal(datagram?.daddr, "::1", `port ${port}`);
    assert.equal(datagram?.protocol, "IPPROTO_UDP");
    assert.equal(datagram?.family, "AF_INET6");
  }
});

test("filters on packets: what a fragment does not have is unknown", async () => {
  const port = (first: number, last = first) => (BigInt(first) << 32n) | BigInt(last);
  const lengths = async (...filters: readonly Filter[]) =>
    (await sent("ip_output", ...filters)).map((one) => one?.len).sort();
  const onPort = (first: number, last?: number): Filter => ({
    op: "ROW_DPORT",
    slot: 0,
    values: [port(first, last)],
  });
  const udp: Filter = { op: "ROW_PROTOCOL", slot: 0, values: [17] };
  const negate = tables.constant("ROW_NEGATE");
  const unknownHolds = tables.constant("ROW_UNKNOWN_HOLDS");
  assert.deepEqual(await lengths(udp), [28, 36]);
  assert.deepEqual(await lengths({ ...udp, flags: negate }), []);
  assert.deepEqual(await lengths(udp, onPort(5000, 6000)), [36]);
  assert.deepEqual(await lengths(udp, onPort(1, 5000)), []);
  assert.deepEqual(await lengths(udp, { ...onPort(1, 5000), flags: negate }), [36]);
  assert.deepEqual(await lengths(udp, { ...onPort(1, 5000), flags: unknownHolds }), [28]);
  assert.deepEqual(
    await lengths(udp, { ...onPort(1, 5000), flags: unknownHolds | negate }),
    [28, 36],
  );
});

test("what is no packet, device or iterator is unreadable", async () => {
  const odd = () => play("ftruncate-odd");
  const hook = { kind: "kprobe", target: "__x64_sys_ftruncate", nargs: 6, flags: 1 } as const;
  const types = ["VALUE_SKB", "VALUE_NET_DEVICE", "VALUE_IOV_ITER"];
  const [record] = await observer.records(
    hook,
    types.map((type) => ({ type, raw: 1 })),
    odd,
  );
  assert.equal(record?.args.length, 3);
  const unreadable = tables.constant("TEXT_UNREADABLE");
  for (const { flags } of record?.args ?? []) assert.ok(flags & unreadable);
});

test("a device's name", async () => {
  const records = await observer.records(
    traced("dev_hard_start_xmit", 4),
    [{ type: "VALUE_NET_DEVICE", raw: 1 }],
    () => play("send-packets"),
  );
  const [shown] = records.map(({ args: [arg] }) => shownArgument("net_device", arg));
  assert.deepEqual(shown, { net_dev_arg: { name: "lo" } });
});

test("bytes in several pieces, of an iterator and of writev", async () => {
  const pieces = () => play("write-pieces");
  const iterators = await observer.records(
    traced("tty_write", 2),
    [{ type: "VALUE_IOV_ITER", raw: 1 }],
    pieces,
  );
  const vectors = await observer.records(
    { kind: "kprobe", target: "__x64_sys_writev", nargs: 6, flags: 1 },
    [{ type: "VALUE_USER_IOVEC", raw: 1, size_raw: 2 }],
    pieces,
  );
  const texts = (records: typeof iterators) =>
    records.map(({ args: [arg] }) => String(arg?.bytes)).map((text) => text.slice(0, 10));
  assert.deepEqual(texts(iterators), ["whole", "one two", "xxxxxxxxxx"]);
  assert.deepEqual(texts(vectors), ["one two", "xxxxxxxxxx"]);
  const large = [iterators.at(-1)?.args[0], vectors.at(-1)?.args[0]];
  for (const arg of large) {
    assert.equal(arg?.bytes.length, 4096);
    assert.equal(arg?.flags, tables.constant("TEXT_TRUNCATED"));
  }
  assert.equal(large[0]?.extra, 6000);
  assert.ok((large[1]?.extra ?? 0) > 4096);
});
