// SPDX-License-Identifier: Apache-2.0
// Each operator of docs/policy-language.md with each type that it fits: one call that it matches and one that it does
// not, as lib/language-cells.ts says, seen by the events of a sensor. What events show tells the calls apart.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
  writevSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { type ArgType, limits, typeRow } from "@gander/policy";
import { eventField } from "../../scripts/docs/event-field.ts";
import { run } from "./lib/attack.ts";
import type { ExportedArgument, ExportedEvent, ExportedTracepoint } from "./lib/exported-event.ts";
import {
  type CallName,
  type Cell,
  datagrams,
  folders,
  lengths,
  missing,
  names,
  paths,
  sockets,
  type TypeCase,
  typeCases,
} from "./lib/language-cells.ts";
import { Sensor } from "./lib/sensor.ts";

const scenes = "/gander/bpf/build/test/scenes";
const capabilities = /CapEff:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
const cases = typeCases(BigInt(`0x${capabilities}`));
const letters = ["a", "b"] as const;

type Hooked = Pick<ExportedTracepoint, "message" | "args">;

const hookedIn = (event: ExportedEvent): Hooked | undefined =>
  event.process_kprobe ?? event.process_tracepoint;
const messageOf = (type: string, cell: Cell, i: number) => `${type} ${cell.operator} ${i}`;

type Hook = { readonly section: TypeCase["section"]; readonly entry: object };

const hooksOf = ({ name, type, one }: Tried): readonly Hook[] =>
  one.cells.map((cell, i) => ({
    section: one.section,
    entry: { ...hookOf(type, one, cell), message: messageOf(name, cell, i) },
  }));

function hookOf(type: string, { entry, index, sizeArgIndex, by }: TypeCase, cell: Cell): object {
  const { operator, values, args, filter } = cell;
  const caller = {
    test: self,
    scenes: { matchBinaries: [{ operator: "In", values: [scenes] }] },
    anybody: {},
  }[by];
  const arg = { index, type, ...(sizeArgIndex && { sizeArgIndex }) };
  const where = args === undefined ? { index } : { args };
  return {
    ...entry,
    args: args === undefined ? [arg] : [arg, { index: 1, type, resolve: "cap_effective" }],
    selectors: [{ ...caller, ...(filter ?? { matchArgs: [{ ...where, operator, values }] }) }],
  };
}

const filterCell = (operator: string, filter: Cell["filter"], ...holds: CallName[]): Cell => ({
  ...{ operator, values: [], holds },
  ...(filter && { filter }),
});

const ofCapabilities = (type: string, operator: string, ...holds: CallName[]) =>
  filterCell(
    `${type} ${operator}`,
    { matchCapabilities: [{ type, operator, values: ["CAP_SYS_ADMIN"] }] },
    ...holds,
  );

const ofNamespaces = (namespace: string, operator: string, ...holds: CallName[]) =>
  filterCell(
    `${namespace} ${operator}`,
    { matchNamespaces: [{ namespace, operator, values: ["host_ns"] }] },
    ...holds,
  );

/** The process lacks the capability when it raises it, and has it when it drops it. */
const capabilityCells = [
  ofCapabilities("Effective", "In", "b"),
  ofCapabilities("Effective", "NotIn", "a"),
  ofCapabilities("Permitted", "In", "a", "b"),
  ofCapabilities("Permitted", "NotIn"),
  ofCapabilities("Inheritable", "In"),
  ofCapabilities("Inheritable", "NotIn", "a", "b"),
];

/** Devices are changed in another network namespace, but not in another UTS namespace. */
const namespaceCells = [
  ofNamespaces("Net", "In"),
  ofNamespaces("Net", "NotIn", "a", "b"),
  ofNamespaces("Uts", "In", "a", "b"),
  ofNamespaces("Uts", "NotIn"),
];

type Tried = { readonly name: string; readonly type: string; readonly one: TypeCase };

function withCells(name: string, type: string, cells: readonly Cell[]): Tried {
  const one = cases[type];
  assert.ok(one);
  return { name, type, one: { ...one, cells } };
}

const tried: readonly Tried[] = [
  ...Object.entries(cases).map(([type, one]) => ({ name: type, type, one })),
  withCells("matchCapabilities", "cap_effective", capabilityCells),
  withCells("matchNamespaces", "net_device", namespaceCells),
];

const signalled = `${folders.memory}/signalled`;
const self = { matchPIDs: [{ operator: "In", values: [process.pid] }] };
const others: readonly Hook[] = [
  {
    section: "kprobes",
    entry: {
      call: "sys_ftruncate",
      message: "nothing is read",
      args: [
        { index: 0, type: "nop" },
        { index: 1, type: "int64" },
      ],
      selectors: [self],
    },
  },
  {
    section: "kprobes",
    entry: {
      call: "sys_chdir",
      message: "a signal",
      args: [{ index: 0, type: "string" }],
      selectors: [
        {
          matchArgs: [{ index: 0, operator: "Equal", values: [signalled] }],
          matchActions: [{ action: "Signal", argSig: 12 }],
        },
      ],
    },
  },
];

/** Few policies: each that is added costs time. */
function policies(name: string, hooks: readonly Hook[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (let first = 0; first < hooks.length; first += limits.hooks) {
    const some = hooks.slice(first, first + limits.hooks);
    texts[`${name}-${first}.yaml`] = JSON.stringify({
      apiVersion: "gander.dev/v1alpha1",
      kind: "GuardPolicy",
      metadata: { name: `${name}-${first}` },
      spec: Object.fromEntries(
        ["kprobes", "tracepoints"].map((wanted) => [
          wanted,
          some.filter(({ section }) => section === wanted).map(({ entry }) => entry),
        ]),
      ),
    });
  }
  return texts;
}

/** What identifies the call. */
function shownBy(argument: ExportedArgument): string {
  const [[field = "", value] = []] = Object.entries(argument);
  if (field === "bytes_arg") return Buffer.from(String(value), "base64").toString();
  if (typeof value !== "object" || value === null) return String(value);
  const { path, dport, port, name, id, abi } = value as Readonly<Record<string, unknown>>;
  return String(path ?? dport ?? port ?? name ?? `${id} ${abi}`);
}

const play = (...scene: readonly string[]) => {
  const { status, errors } = run(scenes, scene);
  assert.equal(status, 0, errors);
};

function writeFiles(): void {
  const numbers = openSync(`${folders.memory}/numbers`, "w");
  for (const letter of letters) {
    for (const length of [lengths.wide, lengths.named]) ftruncateSync(numbers, length[letter]);
    ftruncateSync(numbers, 0);
    const name = names[letter];
    writeSync(numbers, name, 0);
    writevSync(numbers, [Buffer.from(name.slice(0, 3)), Buffer.from(name.slice(3))], 0);
  }
  closeSync(numbers);
  for (const [device, name] of [
    ["/dev/random", names.a],
    ["/dev/urandom", names.b],
  ] as const) {
    const fd = openSync(device, "w");
    writeSync(fd, name);
    closeSync(fd);
  }
}

function changeFiles(): void {
  for (const path of Object.values(paths)) {
    chmodSync(path, 0o755);
    const fd = openSync(path, "r");
    // It is not open for writing; the kernel has the descriptor by then.
    assert.throws(() => ftruncateSync(fd, 0));
    closeSync(fd);
  }
  for (const folder of Object.values(missing)) assert.throws(() => process.chdir(folder));
}

function runPrograms(): void {
  for (const letter of letters) {
    assert.equal(run(paths[letter], []).status, 0);
    // A shell with this name forks.
    const script = `printf ${names[letter]} > /proc/$$/comm; /bin/true; :`;
    assert.equal(run("/bin/bash", ["-c", script]).status, 0);
  }
  const renamed = letters.map(
    (letter, i) =>
      `ip link set ${i === 0 ? "lo" : names.a} name ${names[letter]} && ip link set ${names[letter]} mtu 140${i}`,
  );
  const { status, errors } = run("unshare", ["-n", "/bin/sh", "-c", renamed.join(" && ")]);
  assert.equal(status, 0, errors);
}

function useCapabilities(): void {
  play("steps", "drop-admin", "raise-admin");
  play("int80");
}

async function useNetwork(): Promise<void> {
  for (const { from, fromPort, to, port } of Object.values(sockets)) {
    const server = createServer({ allowHalfOpen: true }, (peer) => {
      peer.on("end", () => peer.destroy());
      peer.resume();
    });
    server.listen(port, to);
    await once(server, "listening");
    const client = connect({ host: to, port, localAddress: from, localPort: fromPort });
    await once(client, "connect");
    client.end();
    await once(client, "close");
    server.close();
  }
  for (const { from, fromPort, to, port } of Object.values(datagrams)) {
    const [receiver, sender] = [createSocket("udp4"), createSocket("udp4")];
    receiver.bind(port, to);
    await once(receiver, "listening");
    sender.bind(fromPort, from);
    await once(sender, "listening");
    sender.send("x", port, to);
    await once(receiver, "message");
    for (const socket of [sender, receiver]) socket.close();
  }
}

describe("each operator with each type", { timeout: 600_000 }, () => {
  let sensor: Sensor;
  /** By message: what events have shown of the argument, and in which field. */
  const found = new Map<string, Map<string, string>>();

  before(async () => {
    for (const folder of [folders.memory, paths.c]) mkdirSync(folder, { recursive: true });
    for (const letter of letters) copyFileSync("/bin/true", paths[letter]);
    assert.equal(spawnSync("ip", ["link", "set", "lo", "up"]).status, 0);
    mkdirSync(signalled);
    const hooks = [...tried.flatMap(hooksOf), ...others];
    sensor = await Sensor.start({ policies: policies("cells", hooks) });
    writeFiles();
    changeFiles();
    runPrograms();
    useCapabilities();
    await useNetwork();
    await sensor.settled();
    for (const event of sensor.events()) {
      const hooked = hookedIn(event);
      if (hooked?.message === undefined) continue;
      const [argument] = hooked.args ?? [];
      const shown = found.get(hooked.message) ?? new Map<string, string>();
      if (argument !== undefined) shown.set(shownBy(argument), Object.keys(argument)[0] ?? "");
      found.set(hooked.message, shown);
    }
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    for (const folder of Object.values(folders)) rmSync(folder, { recursive: true, force: true });
  });

  for (const { name, type, one } of tried)
    test(name, () => {
      const known = Object.entries(one.shown);
      const fields = new Set<string>();
      const failures = one.cells.flatMap((cell, i) => {
        const shown = found.get(messageOf(name, cell, i)) ?? new Map<string, string>();
        const held = known.filter(([, value]) => shown.has(value)).map(([call]) => call);
        for (const [, value] of known) if (shown.has(value)) fields.add(shown.get(value) ?? "");
        return held.join() === cell.holds.join()
          ? []
          : [
              `${cell.operator} ${cell.values} held for [${held}], not [${cell.holds}]; shown: ${[...shown.keys()].slice(0, 6)}`,
            ];
      });
      assert.deepEqual(failures, []);
      assert.deepEqual([...fields], [eventField(typeRow(type as ArgType))]);
    });

  test("nop: nothing is read", () => {
    const args = sensor
      .events()
      .flatMap((event) => [hookedIn(event)])
      .filter((hooked) => hooked?.message === "nothing is read")
      .map((hooked) => hooked?.args);
    assert.ok(args.length > 0);
    for (const of of args) assert.deepEqual(Object.keys(of?.[0] ?? {}), ["long_arg"]);
    for (const of of args) assert.equal(of?.length, 1);
  });

  test("Signal: the process gets it, at the call that the filter means", () => {
    const heardIn = (folder: string) =>
      run("/bin/bash", ["-c", `trap 'echo heard' USR2; cd ${folder}`]).output;
    assert.equal(heardIn(signalled), "heard\n");
    assert.equal(heardIn(folders.memory), "");
  });
});
