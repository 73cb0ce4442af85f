// SPDX-License-Identifier: Apache-2.0
// Buffers of which events have more than their beginning, and what events say of those that are not whole.
import assert from "node:assert/strict";
import { closeSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { describeResult, run } from "./lib/attack.ts";
import { EventClient } from "./lib/event-client.ts";
import type { ExportedArgument, ExportedEvent } from "./lib/exported-event.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const scenes = resolve(import.meta.dirname, "../../bpf/build/test/scenes");
const file = "/tmp/max-data.bin";
const socket = "/tmp/max-data.sock";
const most = 327_360;

const policy = (name: string, spec: string) => `apiVersion: gander.dev/v1alpha1
kind: GuardPolicy
metadata: { name: ${name} }
spec:
${spec}
`;

const writes = (maxData: boolean) => `  kprobes:
  - call: sys_pwrite64
    args:
    - { index: 1, type: char_buf, sizeArgIndex: 3${maxData ? ", maxData: true" : ""} }
    - { index: 3, type: int64 }
    selectors:
    - matchArgs: [{ index: 3, operator: Equal, values: ["4711"] }]`;

const others = `  kprobes:
  - call: sys_writev
    args:
    - { index: 0, type: fd }
    - { index: 1, type: char_iovec, sizeArgIndex: 3, maxData: true }
    selectors:
    - matchArgs: [{ index: 0, operator: Equal, values: [/dev/ptmx] }]
  - call: tty_write
    syscall: false
    args: [{ index: 1, maxData: true }]
    selectors:
    - matchBinaries: [{ operator: In, values: [${scenes}] }]
  - call: sys_pread64
    args:
    - { index: 0, type: fd }
    - { index: 1, type: char_buf, returnCopy: true, maxData: true }
    selectors:
    - matchArgs: [{ index: 0, operator: Equal, values: [${file}] }]
  - call: unix_stream_sendmsg
    syscall: false
    args: [{ index: 1, type: iov_iter, resolve: msg_iter, maxData: true }]
    selectors:
    - matchPIDs: [{ operator: In, values: [${process.pid}] }]
  lsmhooks:
  - hook: inode_setxattr
    args:
    - { index: 2, type: string }
    - { index: 3, type: char_buf, sizeArgIndex: 5, maxData: true }`;

/** As scenes.c makes it. */
const pattern = (length: number, first = 0) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i + first) % 251));

/** How many bytes an argument has, and of how many; they must be those of the pattern. */
function shown(arg: ExportedArgument | undefined, first = 0): string {
  if (arg?.error_arg !== undefined) return arg.error_arg.Message;
  const { bytes_arg: whole, truncated_bytes_arg: cut } = arg ?? {};
  assert.ok(whole !== undefined || cut !== undefined, JSON.stringify(arg));
  const bytes = Buffer.from(whole ?? cut?.bytes_arg ?? "", "base64");
  assert.ok(bytes.equals(pattern(bytes.length, first)), "these are other bytes");
  return cut === undefined ? `${bytes.length}` : `${bytes.length} of ${cut.orig_size}`;
}

const calls = (events: readonly ExportedEvent[], name: string, by: string) =>
  events.flatMap(({ process_kprobe: kprobe }) =>
    kprobe?.function_name.endsWith(name) && kprobe.policy_name === by ? [kprobe] : [],
  );

function play(...argv: readonly string[]): void {
  const result = run(scenes, argv);
  assert.equal(result.status, 0, describeResult(result));
}
const write = (size: number, { threads = 1, times = 1, hole = -1, count = size } = {}) =>
  play("write-data", ...[size, threads, times, hole, count].map(String));

/** What did not find room in the ring, as an administrator sees it. */
const lostData = () =>
  Number(/(\d+) buffers of which events carry more/.exec(gander("status").output)?.[1] ?? 0);

describe("buffers with maxData", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start({
      policies: {
        "more.yaml": policy("more", writes(true)),
        "plain.yaml": policy("plain", writes(false)),
        "others.yaml": policy("others", others),
      },
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    for (const path of [file, socket]) rmSync(path, { force: true });
  });

  /** The calls that `act` makes, by the policy. */
  async function during(act: () => unknown, name = "sys_pwrite64", by = "more") {
    const before = calls(sensor.events(), name, by).length;
    await act();
    await sensor.settled();
    return calls(sensor.events(), name, by).slice(before);
  }

  test("are whole up to the limit, in files and for clients; other policies have the beginning", async () => {
    using client = new EventClient(sensor.socket);
    using stream = client.events();
    await waitUntil("the stream has begun", () => run("/bin/true", []) && stream.received[0]);
    const sizes = [0, 1, 4095, 4096, 4097, 32_736, 32_737, 65_536, most, most + 1, 1_000_000];
    const plain = calls(sensor.events(), "sys_pwrite64", "plain").length;
    const found = await during(() => {
      for (const size of sizes) write(size);
    });
    const expected = sizes.map((size) => (size <= most ? `${size}` : `${most} of ${size}`));
    assert.deepEqual(
      found.map(({ args }) => shown(args?.[0])),
      expected,
    );
    assert.deepEqual(
      calls(sensor.events(), "sys_pwrite64", "plain")
        .slice(plain)
        .map(({ args }) => shown(args?.[0])),
      sizes.map((size) => (size <= 4096 ? `${size}` : `4096 of ${size}`)),
    );
    const last = await stream.event("the last call", ({ process_kprobe: kprobe }) =>
      Boolean(
        kprobe?.policy_name === "more" &&
          kprobe.args[0]?.truncated_bytes_arg?.orig_size === "1000000",
      ),
    );
    const { bytes_arg } = last.process_kprobe.args[0].truncated_bytes_arg;
    assert.ok(pattern(most).equals(bytes_arg));
    assert.equal(lostData(), 0);
  });

  test("end at memory that cannot be read", async () => {
    const holes = [4096, 8192, 40_960, 98_304];
    const found = await during(() => {
      for (const hole of holes) write(100_000, { hole });
    });
    assert.deepEqual(
      found.map(({ args }) => shown(args?.[0])),
      holes.map((hole) => `${hole} of 100000`),
    );
    // More than a call can have, with the beginning that a small size would have in 32 bits.
    const [large] = await during(() => write(100_000, { hole: 8192, count: 2 ** 32 + 5000 }));
    assert.equal(shown(large?.args?.[0]), `8192 of ${2 ** 32 - 1}`);
    const [unread] = await during(() => write(100_000, { hole: 0 }));
    assert.equal(shown(unread?.args?.[0]), "the buffer could not be read");
  });

  test("in several pieces, of the kernel, filled by the call, behind an argument", async () => {
    const six = (args: readonly ExportedArgument[] | undefined, at: number) =>
      Buffer.from(args?.[at]?.bytes_arg ?? "", "base64").toString();
    const pieces = await during(() => play("write-pieces"), "sys_writev", "others");
    assert.deepEqual(
      pieces.map(({ args }) => six(args, 1)),
      ["one two", "x".repeat(6000)],
    );
    const typed = calls(sensor.events(), "tty_write", "others");
    assert.deepEqual(
      typed.map(({ args }) => six(args, 0)),
      ["whole", "one two", "x".repeat(6000)],
    );
    writeFileSync(file, pattern(200_000));
    const read = await during(
      () => {
        const open = openSync(file, "r");
        readSync(open, Buffer.alloc(150_000), 0, 150_000, 0);
        closeSync(open);
      },
      "sys_pread64",
      "others",
    );
    assert.equal(shown(read.at(-1)?.args?.[1]), "150000");
    play("set-attribute", file, "50000");
    await sensor.settled();
    const attributes = sensor.events().flatMap(({ process_lsm }) => process_lsm ?? []);
    const set = attributes.find(({ args }) => args?.[0]?.string_arg === "trusted.gander");
    assert.equal(shown(set?.args?.[1]), "50000");
    const sent = await during(() => send(pattern(120_000)), "unix_stream_sendmsg", "others");
    assert.ok(sent.some(({ args }) => shownOrOther(args?.[0]) === "120000"));
  });

  test("of many threads at once are not mixed up, and what finds no room is counted", async () => {
    const before = lostData();
    const found = await during(() => write(40_000, { threads: 8, times: 10 }));
    assert.equal(found.length, 80);
    const whole = found.filter(({ args }) => {
      const [arg] = args ?? [];
      const bytes = arg?.bytes_arg ?? arg?.truncated_bytes_arg?.bytes_arg ?? "";
      return shown(arg, Buffer.from(bytes.slice(0, 4), "base64")[0]) === "40000";
    });
    assert.ok(whole.length > 0);
    assert.equal(lostData() - before, found.length - whole.length);
  });
});

test("with a small ring, events have the beginning and say so", async () => {
  await using sensor = await Sensor.start({
    policies: { "more.yaml": policy("more", writes(true)) },
    flags: ["--rb-size", "65536"],
  });
  for (let i = 0; i < 5; i++) write(most);
  await sensor.settled();
  const found = calls(sensor.events(), "sys_pwrite64", "more");
  assert.equal(found.length, 5);
  for (const { args } of found) {
    const [, bytes, size] = /^(\d+) of (\d+)$/.exec(shown(args?.[0])) ?? [];
    assert.ok(Number(bytes) >= 4096 && Number(bytes) < 64 << 10, `${bytes} bytes`);
    assert.equal(size, `${most}`);
  }
  assert.equal(lostData(), 5);
});

/** Other sockets of this process send what is no pattern. */
function shownOrOther(arg: ExportedArgument | undefined): string {
  try {
    return shown(arg);
  } catch {
    return "";
  }
}

/** Through a UNIX socket. */
async function send(bytes: Buffer): Promise<void> {
  rmSync(socket, { force: true });
  const server = createServer((connection) => connection.resume().on("end", () => server.close()));
  await new Promise<void>((done) => server.listen(socket, done));
  const ended = new Promise((done) => server.once("close", done));
  createConnection(socket).end(bytes);
  await ended;
}
