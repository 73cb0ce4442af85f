// SPDX-License-Identifier: Apache-2.0
// Many policies that each name some peers, ports, numbers, paths or binaries: the index gives the same results as rows.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
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

type Ends = {
  readonly operator: "DAddr" | "NotDAddr" | "DPort" | "NotDPort";
  readonly values: readonly string[];
};

/** About connections to some peers or ports. */
const onEnds = (name: string, { operator, values }: Ends, action = "Post") =>
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
    matchActions:
    - action: ${action}`,
  );

const on = (i: number, k: number) => Math.imul(i + 1, 40_503 * (k + 7)) % 97 < 20;
const removeAll = async () => {
  drainTypes(kernel);
  const names = policies.list().map(({ name }) => name);
  await Promise.all(
    names.map((name) => policies.remove({ name, namespace: "", origin: "static" })),
  );
};

function countsOf(names: readonly string[]): number[] {
  const states = new Map(policies.list().map((state) => [state.name, state]));
  return names.map((name) => {
    const state = states.get(name);
    assert.ok(state, name);
    assertCountsAddUp(state);
    return Number(state.counters.matched);
  });
}

/** Resolves when the connection is refused (nothing listens). */
function attempt(host: string, port = 9): Promise<void> {
  return new Promise((done) => {
    connect({ host, port }).on("error", () => done());
  });
}

/** Address → networks around it. All are on this machine. */
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
  const asked = Array.from({ length: 100 }, (_, i): Ends => {
    const values = networks.filter((_, k) => on(i, k));
    return { operator: i % 3 === 0 ? "DAddr" : "NotDAddr", values: ["10.0.0.0/8", ...values] };
  });
  for (const [i, one] of asked.entries()) await addPolicy(policies, onEnds(`asks-${i}`, one));
  const rounds = 3;
  for (let round = 0; round < rounds; round++)
    for (const host of Object.keys(peers)) await attempt(host);
  const expected = asked.map(({ operator, values }) => {
    const isIn = (around: readonly string[]) => around.some((network) => values.includes(network));
    const wanted = Object.values(peers).filter((around) => isIn(around) === (operator === "DAddr"));
    return rounds * wanted.length;
  });
  assert.deepEqual(countsOf(asked.map((_, i) => `asks-${i}`)), expected);
  assert.ok(new Set(expected).size > 4, "the policies differ");
  await removeAll();
});

test("where thirty allow lists enforce, only what all of them allow is reached", async () => {
  for (let i = 0; i < 30; i++) {
    const values = ["127.0.0.1", `127.${i}.0.0/16`, "::1/128"];
    await addPolicy(policies, onEnds(`allows-${i}`, { operator: "NotDAddr", values }, "Sigkill"));
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
  await removeAll();
});

const programs = ["a/sh", "a/sh2", "a/b/sh", "sh"].map((path) => `/run/many-lists/${path}`);

test("each of sixty policies counts the binaries it asks for", async () => {
  for (const path of programs) {
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync("/bin/bash", path);
  }
  const lists = [...programs, "/run/many-lists/a/", "/run/many-lists/a", "/run/", "/nowhere/sh"];
  const operators = ["In", "NotIn", "Prefix", "NotPrefix", "Postfix"] as const;
  const asked = Array.from({ length: 60 }, (_, i) => ({
    operator: operators[i % operators.length] ?? "In",
    values: ["/nowhere/else", ...lists.filter((_, k) => on(i, k))],
  }));
  for (const [i, { operator, values }] of asked.entries()) {
    const spec = `
kprobes:
- call: sys_umask
  args:
  - index: 0
    type: int
  selectors:
  - matchBinaries:
    - operator: ${operator}
      values: ${JSON.stringify(values)}
    matchArgs:
    - index: 0
      operator: Equal
      values: ["23"]`;
    await addPolicy(policies, policyText(`runs-${i}`, spec));
  }
  for (const path of programs)
    assert.equal(spawnSync(path, ["-c", "umask 027; umask 027"]).status, 0, path);
  const expected = asked.map(({ operator, values }) => {
    const matches = (path: string) =>
      values.some((value) => {
        if (operator.endsWith("In")) return path === value;
        return operator === "Postfix" ? path.endsWith(value) : path.startsWith(value);
      }) !== operator.startsWith("Not");
    return 2 * programs.filter(matches).length;
  });
  assert.deepEqual(countsOf(asked.map((_, i) => `runs-${i}`)), expected);
  assert.ok(new Set(expected).size > 3, "the policies differ");
  await removeAll();
});

const addAll = (texts: readonly string[]) =>
  Promise.all(texts.map((text) => addPolicy(policies, text)));

test("each of a thousand policies counts the ports it asks for", async () => {
  const ports = [9, 1000, 1001, 1999, 2000, 61_000];
  const operators = ["DPort", "NotDPort"] as const;
  const asked = Array.from({ length: 1000 }, (_, i) => ({
    operator: operators[i % 7 === 0 ? 1 : 0],
    ranges: [[i, 2 * i] as const, [60_000 + i, 61_000] as const],
  }));
  await addAll(
    asked.map(({ operator, ranges }, i) => {
      const values = ranges.map(([low, high]) => `${low}:${high}`);
      return onEnds(`ports-${i}`, { operator, values });
    }),
  );
  for (const port of ports) await attempt("127.0.0.1", port);
  const expected = asked.map(({ operator, ranges }) => {
    const isIn = (port: number) => ranges.some(([low, high]) => port >= low && port <= high);
    return ports.filter((port) => isIn(port) === (operator === "DPort")).length;
  });
  assert.deepEqual(countsOf(asked.map((_, i) => `ports-${i}`)), expected);
  assert.ok(new Set(expected).size > 3, "the policies differ");
  await removeAll();
});

test("each of forty policies counts the numbers it compares", async () => {
  const masks = [0o20, 0o22, 0o27, 0o77];
  const operators = ["GT", "LT", "InRange", "NotInRange"] as const;
  const asked = Array.from({ length: 40 }, (_, i) => ({
    operator: operators[i % 4] ?? "GT",
    bound: 10 + i,
  }));
  await addAll(
    asked.map(({ operator, bound }, i) =>
      policyText(
        `compares-${i}`,
        `
kprobes:
- call: sys_umask
  args:
  - index: 0
    type: int
  selectors:
  - matchBinaries:
    - operator: In
      values: [${programs[0]}]
    matchArgs:
    - index: 0
      operator: ${operator}
      values: ["${operator.endsWith("Range") ? `${bound}:${bound + 4}` : bound}"]`,
      ),
    ),
  );
  const commands = masks.map((mask) => `umask ${mask.toString(8)}`).join("; ");
  assert.equal(spawnSync(programs[0] ?? "", ["-c", commands]).status, 0);
  const expected = asked.map(({ operator, bound }) => {
    const matches = (mask: number) => {
      if (operator === "GT") return mask > bound;
      if (operator === "LT") return mask < bound;
      return (mask >= bound && mask <= bound + 4) === (operator === "InRange");
    };
    return masks.filter(matches).length;
  });
  assert.deepEqual(countsOf(asked.map((_, i) => `compares-${i}`)), expected);
  assert.ok(new Set(expected).size > 3, "the policies differ");
  await removeAll();
});

test("each of sixty policies counts the beginnings and ends of paths that it asks for", async () => {
  const folder = `/run/many-lists/${"long/".repeat(30)}`;
  const files = ["a.key", "b.key", "other/a.key", "a.pem", "key"].flatMap((name) => [
    `/run/many-lists/${name}`,
    `${folder}${name}`,
  ]);
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "");
  }
  const ends = ["a.key", "lists/a.key", ".key", "long/b.key", "key", "y", "/nowhere.key"];
  const beginnings = ["/run/many-lists/", folder, "/run/many-lists/other/", "/nowhere/"];
  const asked = Array.from({ length: 60 }, (_, i) => {
    const operator = i % 3 === 0 ? "Prefix" : "Postfix";
    const all = operator === "Prefix" ? beginnings : ends;
    return { operator, values: ["nowhere", ...all.filter((_, k) => on(i, k))] };
  });
  await addAll(
    asked.map(({ operator, values }, i) =>
      policyText(
        `opens-${i}`,
        `
kprobes:
- call: security_file_open
  syscall: false
  args:
  - index: 0
    type: file
  selectors:
  - matchPIDs:
    - operator: In
      values: [${process.pid}]
    matchArgs:
    - index: 0
      operator: ${operator}
      values: ${JSON.stringify(values)}`,
      ),
    ),
  );
  for (const file of [...files, ...files]) readFileSync(file);
  const expected = asked.map(({ operator, values }) => {
    const matches = (file: string) =>
      values.some((value) =>
        operator === "Prefix" ? file.startsWith(value) : file.endsWith(value),
      );
    return 2 * files.filter(matches).length;
  });
  assert.deepEqual(countsOf(asked.map((_, i) => `opens-${i}`)), expected);
  assert.ok(new Set(expected).size > 3, "the policies differ");
  await removeAll();
});

type Asking = { readonly section: string; readonly matches: boolean };

/** What no index looks up, for the call umask(mask) by the second program, a child of the first. */
const askings: Readonly<Record<string, (i: number, mask: number) => Asking>> = {
  mask: (i, mask) => ({
    section: numberAsked("Mask", [1 << (i % 12)]),
    matches: (mask & (1 << (i % 12))) !== 0,
  }),
  "not-equal": (i, mask) => ({
    section: numberAsked("NotEqual", [0o22, i]),
    matches: mask !== 0o22 && mask !== i,
  }),
  parent: (i) => ({
    section: programAsked("matchParentBinaries", "In", [i % 5 === 0 ? first : `/nowhere/${i}`]),
    matches: i % 5 === 0,
  }),
  "not-parent": (i) => ({
    section: programAsked("matchParentBinaries", "NotIn", [first, `/nowhere/${i}`]),
    matches: false,
  }),
  ancestor: (i) => ({
    section: `matchBinaries: [{ operator: In, values: ["${
      i % 5 === 0 ? first : `/nowhere/${i % 20}`
    }"], followChildren: true }]`,
    matches: i % 5 === 0,
  }),
  capability: (i) => ({
    section: `matchCapabilities: [{ type: Effective, operator: ${
      i % 2 === 0 ? "In" : "NotIn"
    }, values: [CAP_KILL, ${i % 3 === 0 ? "CAP_CHOWN" : "CAP_SYS_TIME"}] }]`,
    matches: i % 2 === 0,
  }),
};
const [first = "", second = ""] = programs;
const numberAsked = (operator: string, values: readonly number[]) =>
  `matchArgs: [{ index: 0, operator: ${operator}, values: ${JSON.stringify(values.map(String))} }]`;
const programAsked = (section: string, operator: string, values: readonly string[]) =>
  `${section}: [{ operator: ${operator}, values: ${JSON.stringify(values)} }]`;

test("each of many policies with one question counts as if it were alone", async () => {
  const masks = [0, 0o20, 0o22, 0o27, 0o77];
  const commands = masks.map((mask) => `umask ${mask.toString(8)}`).join("; ");
  const kinds = Object.entries(askings);
  for (const some of [...kinds.map((kind) => [kind]), kinds]) {
    const asked = some.flatMap(([kind, ask]) =>
      Array.from({ length: 40 }, (_, i) => ({ name: `${kind}-${i}`, ask, i })),
    );
    await addAll(
      asked.map(({ name, ask, i }) =>
        policyText(
          name,
          `
kprobes:
- call: sys_umask
  args:
  - index: 0
    type: int
  selectors:
  - matchPIDs: [{ operator: NotIn, values: [1] }]
    ${ask(i, 0).section.startsWith("matchBinaries") ? "" : programAsked("matchBinaries", "In", [second])}
    ${ask(i, 0).section}`,
        ),
      ),
    );
    const { status, stderr } = spawnSync(first, ["-c", `${second} -c '${commands}'; true`], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    const expected = asked.map(({ ask, i }) => masks.filter((mask) => ask(i, mask).matches).length);
    assert.deepEqual(countsOf(asked.map(({ name }) => name)), expected);
    await removeAll();
  }
});

test("each of many policies counts the texts that it searches or excludes", async () => {
  const files = ["one.txt", "two.txt", "TWO.pem", "three"].map((name) => `/run/many-lists/${name}`);
  for (const file of files) writeFileSync(file, "");
  const operators = {
    SubString: (file: string, one: string) => file.includes(one),
    SubStringIgnCase: (file: string, one: string) => file.toLowerCase().includes(one),
    NotPostfix: (file: string, one: string) => file.endsWith(one),
    NotPrefix: (file: string, one: string) => file.startsWith(one),
    NotEqual: (file: string, one: string) => file === one,
  };
  const parts = ["two", "three", ".txt", "t", "/nowhere", "/run/many-lists/three"];
  const asked = Array.from({ length: 100 }, (_, i) => {
    const [operator, holds] = Object.entries(operators)[i % 5] ?? ["", () => false];
    return {
      operator,
      holds,
      values: ["/run/many-lists/one.txt", ...parts.filter((_, k) => on(i, k))],
    };
  });
  const text = ({ operator, values }: (typeof asked)[number], i: number) =>
    policyText(
      `searches-${i}`,
      `
kprobes:
- call: security_file_open
  syscall: false
  args:
  - index: 0
    type: file
  selectors:
  - matchPIDs: [{ operator: In, values: [${process.pid}] }]
    matchArgs:
    - index: 0
      operator: ${operator}
      values: ${JSON.stringify(values)}`,
    );
  await addAll(asked.map(text));
  const before = countsOf(asked.map((_, i) => `searches-${i}`));
  for (const file of [...files, ...files]) readFileSync(file);
  const counts = countsOf(asked.map((_, i) => `searches-${i}`)).map((n, i) => n - (before[i] ?? 0));
  const expected = asked.map(({ operator, holds, values }) => {
    const matches = (file: string) =>
      values.some((one) => holds(file, one)) !== operator.startsWith("Not");
    return 2 * files.filter(matches).length;
  });
  assert.deepEqual(counts, expected);
  assert.ok(new Set(expected).size > 3, "the policies differ");
  await removeAll();
});
