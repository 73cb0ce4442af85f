// SPDX-License-Identifier: Apache-2.0
// matchProcess: properties of the process that calls, each with values that fit and values that do not.
import assert from "node:assert/strict";
import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { addPolicy, startGuestSensor, stateOf, umaskPolicy } from "../../test/guest-sensor.ts";

const sensor = await startGuestSensor({ name: "gander-properties" });
const { policies } = sensor;
after(() => sensor[Symbol.asyncDispose]());

const is = (property: string, operator: string, ...values: readonly string[]) =>
  `matchProcess: [{ property: ${property}, operator: ${operator}, values: ${JSON.stringify(values)} }]`;

/** Runs `act` with a policy for each filter in force; those with `true` match its one call, the others do not. */
async function expectMatches(
  filters: readonly (readonly [filter: string, matches: boolean])[],
  act: () => Promise<unknown>,
): Promise<void> {
  for (const [i, [filter]] of filters.entries())
    await addPolicy(policies, umaskPolicy(`p${i}`, filter));
  await act();
  const seen = filters.map(([filter], i) => [
    filter,
    Number(stateOf(policies, `p${i}`).counters.matched),
  ]);
  for (const i of filters.keys())
    await policies.remove({ name: `p${i}`, namespace: "", origin: "static" });
  assert.deepEqual(
    seen,
    filters.map(([filter, matches]) => [filter, matches ? 1 : 0]),
  );
}

async function bash(script: string, options: SpawnOptions = {}): Promise<void> {
  const child = spawn("bash", ["-c", script], { stdio: "inherit", ...options });
  const [status] = await once(child, "exit");
  assert.equal(status, 0);
}

test("users and groups", () =>
  expectMatches(
    [
      [is("User", "In", "1234"), true],
      [is("User", "In", "1000:1233", "1235"), false],
      [is("User", "In", "0", "5", "10:20", "1200:1300", "4000000000"), true],
      [is("User", "NotIn", "0"), true],
      [is("User", "NotIn", "0", "5", "10:20", "1200:1300", "4000000000"), false],
      [is("EffectiveUser", "GT", "1233"), true],
      [is("EffectiveUser", "GT", "1234"), false],
      [is("EffectiveUser", "LT", "1235"), true],
      [is("EffectiveUser", "LT", "1234"), false],
      [is("Group", "In", "0"), false],
      [is("Group", "In", "77"), true],
      [is("EffectiveGroup", "NotIn", "76", "78:4294967295"), true],
      [is("EffectiveGroup", "In", "76"), false],
    ],
    () => bash("umask 030", { uid: 1234, gid: 77 }),
  ));

test("the age of the process", async () => {
  const filters = [
    [is("Age", "LT", "3s"), false],
    [is("Age", "LT", "1h"), true],
    [is("Age", "GT", "2"), true],
    [is("Age", "GT", "5m"), false],
  ] as const;
  // What counts is when it was started: exec changes nothing.
  await expectMatches(filters, () => bash("sleep 4; exec bash -c 'umask 030'"));
  await expectMatches([[is("Age", "LT", "3s"), true]], () =>
    bash("sleep 4; bash -c 'umask 030'; true"),
  );
});

test("whether it has a terminal", async () => {
  const filters = (has: boolean) =>
    [
      [is("Terminal", "In", "true"), has],
      [is("Terminal", "In", "false"), !has],
      [is("Terminal", "NotIn", "true"), !has],
      [is("Terminal", "In", "true", "false"), true],
    ] as const;
  await expectMatches(filters(false), () => bash("setsid --wait bash -c 'umask 030'"));
  const scenes = "/gander/bpf/build/test/scenes";
  await expectMatches(filters(true), () => bash(`${scenes} steps fork terminal umask`));
});

test("what its standard streams are", async () => {
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await expectMatches(
    [
      [is("StandardInput", "In", "socket"), true],
      [is("StandardInput", "NotIn", "socket", "fifo"), false],
      [is("StandardOutput", "In", "fifo"), true],
      [is("StandardOutput", "In", "socket", "reg"), false],
      [is("StandardError", "In", "chr"), true],
      [is("StandardError", "NotIn", "socket"), true],
      [is("StandardError", "In", "socket", "fifo"), false],
    ],
    () => bash(`exec 0<>/dev/tcp/127.0.0.1/${port} 2>/dev/null; { umask 030; } | cat`),
  );
  server.close();
  // A stream that is closed has no type: no filter fits.
  await expectMatches(
    [
      [is("StandardInput", "In", "socket"), false],
      [is("StandardInput", "NotIn", "socket"), false],
    ],
    () => bash("exec 0<&-; umask 030"),
  );
});
