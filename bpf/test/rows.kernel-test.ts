// SPDX-License-Identifier: Apache-2.0
// How often each operator holds on the same calls.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readlinkSync, readSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { after, test } from "node:test";
import { createGuard } from "./guard.ts";
import type { Filter, Slot } from "./tables.ts";

const guard = createGuard({ kinds: ["kprobe", "fentry"] });
after(() => guard[Symbol.dispose]());
const { tables } = guard;
const negate = tables.constant("ROW_NEGATE");
const signed = tables.constant("ROW_SIGNED");
const own: Filter = { op: "ROW_PID", values: [process.pid] };
let counter = 1;

type Case = readonly [name: string, filter: Filter, holds: number];

/** One rule per case, all in force while `act` runs. */
async function count(
  hook: Parameters<typeof guard.attach>[0],
  slots: readonly Slot[],
  cases: readonly Case[],
  act: () => void | Promise<void>,
): Promise<void> {
  const first = counter;
  counter += cases.length;
  tables.guard(
    hook.id,
    cases.map(([, filter], i) => ({
      id: first + i,
      selectors: [{ filters: [own, filter], verdict: { actions: [], counter: first + i } }],
    })),
    { slots },
  );
  using _link = guard.attach(hook);
  await act();
  const failures = cases.flatMap(([name, , holds], i) => {
    const { matched, suppressed_nopost } = tables.read("counts", first + i);
    return matched === BigInt(holds) && suppressed_nopost === matched
      ? []
      : [`${name}: ${matched}, not ${holds}`];
  });
  assert.deepEqual(failures, []);
}

test("numbers", async () => {
  tables.put("int_set", { set: 1, value: 300n });
  tables.put("int_set", { set: 1, value: 100n });
  const cases: Case[] = [
    ["equal", { op: "ROW_EQUAL", slot: 0, values: [100, 7, 8, 200] }, 2],
    ["not equal", { op: "ROW_EQUAL", slot: 0, values: [100, 7, 8, 200], flags: negate }, 2],
    ["greater", { op: "ROW_GREATER", slot: 0, values: [200] }, 2],
    ["less", { op: "ROW_LESS", slot: 0, values: [200] }, 1],
    ["mask", { op: "ROW_MASK", slot: 0, values: [0x24] }, 2],
    ["range", { op: "ROW_RANGE", slot: 0, values: [100, 200] }, 2],
    ["two ranges", { op: "ROW_RANGE", slot: 0, values: [0, 99, 150, 350] }, 2],
    ["not in range", { op: "ROW_RANGE", slot: 0, values: [100, 200], flags: negate }, 2],
    ["set", { op: "ROW_INT_SET", slot: 0, set: 1 }, 2],
    ["not in set", { op: "ROW_INT_SET", slot: 0, set: 1, flags: negate }, 2],
    ["unsigned byte", { op: "ROW_EQUAL", slot: 1, values: [0x90] }, 1],
    ["signed byte", { op: "ROW_EQUAL", slot: 2, values: [-112] }, 1],
    ["signed byte is less", { op: "ROW_LESS", slot: 2, values: [0], flags: signed }, 2],
    ["unsigned short", { op: "ROW_EQUAL", slot: 3, values: [0x190] }, 1],
    ["signed int", { op: "ROW_GREATER", slot: 4, values: [-1], flags: signed }, 4],
    ["always", { op: "ROW_ALWAYS" }, 4],
  ];
  writeFileSync("/tmp/numbers", "");
  await count(
    { id: 1, kind: "kprobe", target: "__x64_sys_ftruncate", nargs: 6, flags: 1 },
    ["VALUE_U64", "VALUE_U8", "VALUE_S8", "VALUE_U16", "VALUE_S32"].map((type) => ({
      type,
      raw: 1,
    })),
    // 100 = 0x64, 200 = 0xc8, 300 = 0x12c, 400 = 0x190
    cases,
    () => {
      const fd = openSync("/tmp/numbers", "r+");
      for (const length of [100, 200, 300, 400]) ftruncateSync(fd, length);
      closeSync(fd);
    },
  );
});

test("texts", async () => {
  const medium = `/tmp/${"m".repeat(100)}.txt`;
  const long = `/var/${"l".repeat(200)}`;
  spawnSync("mkdir", ["-p", long]);
  const longest = `${long}/${"k".repeat(150)}.txt`;
  const files = ["/tmp/a.txt", medium, longest];
  for (const file of files) writeFileSync(file, "x");
  const str = (set: number, name: string, value: string) =>
    tables.put(name, { set, length: value.length, text: value });
  str(10, "str_set_64", files[0] ?? "");
  str(11, "str_set_256", medium);
  str(12, "str_set_4k", longest);
  for (const value of files)
    str(13, `str_set_${value.length <= 56 ? "64" : value.length <= 248 ? "256" : "4k"}`, value);
  const prefix = (set: number, value: string) =>
    tables.put("prefix_set", { bits: 32 + 8 * value.length, set, text: value });
  prefix(14, "/tmp/");
  prefix(14, "/var/ll");
  prefix(15, "txt.");
  prefix(15, "txt.kk");
  prefix(16, "txt.m");
  prefix(17, "/");
  prefix(18, "mmm.t");
  prefix(18, "kkk.t");
  const begins = (letters: string) =>
    [0n, 64n, 128n, 192n].map((at) =>
      BigInt.asUintN(
        64,
        [...letters].reduce((all, one) => all | (1n << BigInt(one.charCodeAt(0))), 0n) >> at,
      ),
    );
  const contains: Filter = { op: "ROW_STR_CONTAINS", slot: 0, set: 18, values: begins("mk") };
  await count(
    { id: 2, kind: "fentry", target: "security_file_permission", nargs: 2 },
    [{ type: "VALUE_FILE", raw: 0 }],
    [
      ["equal, short", { op: "ROW_STR_EQUAL", slot: 0, set: 10 }, 1],
      ["equal, medium", { op: "ROW_STR_EQUAL", slot: 0, set: 11 }, 1],
      ["equal, long", { op: "ROW_STR_EQUAL", slot: 0, set: 12 }, 1],
      ["equal, all", { op: "ROW_STR_EQUAL", slot: 0, set: 13 }, 3],
      ["not equal", { op: "ROW_STR_EQUAL", slot: 0, set: 11, flags: negate }, 2],
      ["prefix", { op: "ROW_STR_PREFIX", slot: 0, set: 14 }, 3],
      ["not prefix", { op: "ROW_STR_PREFIX", slot: 0, set: 14, flags: negate }, 0],
      ["contains", contains, 2],
      ["contains, in any case", { ...contains, op: "ROW_STR_CONTAINS_ANY_CASE" }, 2],
      ["contains none", { ...contains, flags: negate }, 1],
      ["contains, but no value begins so", { ...contains, values: begins("m") }, 1],
      ["regular file", { op: "ROW_FILE_TYPE", slot: 0, values: [0o100000] }, 3],
      ["folder or pipe", { op: "ROW_FILE_TYPE", slot: 0, values: [0o040000, 0o010000] }, 0],
      ["no pipe", { op: "ROW_FILE_TYPE", slot: 0, values: [0o010000], flags: negate }, 3],
      ["prefix of all", { op: "ROW_STR_PREFIX", slot: 0, set: 17 }, 3],
      ["postfix", { op: "ROW_STR_POSTFIX", slot: 0, set: 15, values: [6] }, 3],
      ["postfix of one", { op: "ROW_STR_POSTFIX", slot: 0, set: 16, values: [5] }, 1],
      ["postfix, longest too short", { op: "ROW_STR_POSTFIX", slot: 0, set: 16, values: [4] }, 0],
      ["not postfix", { op: "ROW_STR_POSTFIX", slot: 0, set: 16, values: [5], flags: negate }, 2],
    ],
    () => {
      for (const file of files) readOnce(file);
    },
  );
});

/** One read(2), so one permission check. */
function readOnce(file: string): void {
  const fd = openSync(file, "r");
  readSync(fd, Buffer.alloc(1));
  closeSync(fd);
}

async function connectTo(server: Server, host: string): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.end(resolve));
    socket.on("error", reject);
  });
}

test("sockets", async () => {
  const addr = (set: number, family: number, bytes: number[], length: number) =>
    tables.put("addr_set", {
      bits: 64 + length,
      set,
      family,
      addr: [...bytes, ...Array(16 - bytes.length).fill(0)],
    });
  addr(20, 2, [127], 8);
  addr(21, 2, [127, 0, 0, 1], 32);
  addr(22, 10, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128);
  addr(23, 2, [10, 42], 16);
  tables.put("int_set", { set: 24, value: 6n });
  const servers = [createServer(), createServer(), createServer()];
  for (const server of servers) server.on("connection", (socket) => socket.end());
  await count(
    { id: 3, kind: "fentry", target: "tcp_connect", nargs: 1 },
    [{ type: "VALUE_SOCK", raw: 0 }],
    [
      ["net", { op: "ROW_DADDR", slot: 0, set: 20 }, 2],
      ["host", { op: "ROW_DADDR", slot: 0, set: 21 }, 2],
      ["IPv6 host", { op: "ROW_DADDR", slot: 0, set: 22 }, 1],
      ["not in net", { op: "ROW_DADDR", slot: 0, set: 23, flags: negate }, 3],
      ["source", { op: "ROW_SADDR", slot: 0, set: 20 }, 2],
      [
        "port",
        { op: "ROW_DPORT", slot: 0, values: [(1n << 32n) | 1023n, (1024n << 32n) | 65535n] },
        3,
      ],
      ["privileged port", { op: "ROW_DPORT", slot: 0, values: [1023n] }, 0],
      ["source port", { op: "ROW_SPORT", slot: 0, values: [(1024n << 32n) | 65535n] }, 3],
      ["protocol", { op: "ROW_PROTOCOL", slot: 0, set: 24 }, 3],
      ["family", { op: "ROW_FAMILY", slot: 0, values: [2] }, 2],
      ["not family", { op: "ROW_FAMILY", slot: 0, values: [2], flags: negate }, 1],
      ["state SYN_SENT", { op: "ROW_STATE", slot: 0, values: [2] }, 3],
    ],
    async () => {
      await connectTo(servers[0] as Server, "127.0.0.1");
      await connectTo(servers[1] as Server, "::ffff:127.0.0.1");
      await connectTo(servers[2] as Server, "::1");
    },
  );
  for (const server of servers) server.close();
});

test("the process", async () => {
  const node = readlinkSync("/proc/self/exe");
  guard.scanTasks(); // adds this process, which is older, to the table
  tables.put("str_set_64", { set: 30, length: node.length, text: node });
  tables.put("prefix_set", { bits: 32 + 8 * 5, set: 31, text: "/usr/" });
  tables.put("prefix_set", { bits: 32 + 8 * 4, set: 32, text: "edon" });
  tables.put("int_set", { set: 33, value: BigInt(process.pid) });
  tables.put(
    "follow_pids",
    Buffer.from(Uint32Array.of(process.pid).buffer),
    Buffer.from(BigUint64Array.of(2n, 2n).buffer),
  );
  const netns = Number(/\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0]);
  const net = tables.constant("NS_NET");
  await count(
    { id: 4, kind: "kprobe", target: "__x64_sys_umask", nargs: 6, flags: 1 },
    [],
    [
      ["pid", { op: "ROW_PID", set: 33 }, 1],
      ["not pid", { op: "ROW_PID", values: [1], flags: negate }, 1],
      ["ns pid", { op: "ROW_NS_PID", values: [process.pid] }, 1],
      ["binary", { op: "ROW_BINARY_EQUAL", set: 30 }, 1],
      ["not binary", { op: "ROW_BINARY_EQUAL", set: 30, flags: negate }, 0],
      ["binary prefix", { op: "ROW_BINARY_PREFIX", set: 31 }, 1],
      ["binary postfix", { op: "ROW_BINARY_POSTFIX", set: 32, values: [4] }, 1],
      ["follow", { op: "ROW_FOLLOW", set: 0, values: [2] }, 1],
      ["follow another", { op: "ROW_FOLLOW", set: 0, values: [4] }, 0],
      ["follow by binary", { op: "ROW_FOLLOW", set: 30, values: [4] }, 1],
      ["namespace", { op: "ROW_NAMESPACE", set: net, values: [1, netns] }, 1],
      ["not namespace", { op: "ROW_NAMESPACE", set: net, values: [netns], flags: negate }, 0],
      ["capability", { op: "ROW_CAPABILITY", set: 0, values: [1n << 21n] }, 1],
      ["not capability", { op: "ROW_CAPABILITY", set: 1, values: [1n << 21n], flags: negate }, 0],
      [
        "capability in a user namespace",
        {
          op: "ROW_CAPABILITY",
          set: 0,
          values: [1n << 21n],
          flags: tables.constant("ROW_IN_USER_NS"),
        },
        0,
      ],
    ],
    () => void process.umask(0o22),
  );
});

test("what cannot be read does not hold, negated or not", async () => {
  await count(
    { id: 5, kind: "kprobe", target: "__x64_sys_ftruncate", nargs: 6, flags: 1 },
    [
      { type: "VALUE_USER_STRING", raw: 1 }, // the length, as if it were an address
      { type: "VALUE_STRING", raw: 1 },
    ],
    [
      ["prefix", { op: "ROW_STR_PREFIX", slot: 0, set: 17 }, 0],
      ["not prefix", { op: "ROW_STR_PREFIX", slot: 0, set: 999, flags: negate }, 0],
      ["kernel memory", { op: "ROW_STR_PREFIX", slot: 1, set: 999, flags: negate }, 0],
    ],
    () => {
      const fd = openSync("/tmp/numbers", "r+");
      ftruncateSync(fd, 100);
      closeSync(fd);
    },
  );
  assert.ok((guard.faults().FAULT_UNREADABLE ?? 0) >= 2);
});
