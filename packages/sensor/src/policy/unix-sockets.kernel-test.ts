// SPDX-License-Identifier: Apache-2.0
// A policy on sockets in the file system: which connections the server accepts shows what it prevents.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { addPolicy, policyText, startGuestSensor, stateOf } from "../../test/guest-sensor.ts";

const folder = mkdtempSync("/tmp/sockets-");
const guarded = `${folder}/guarded.sock`;
const other = `${folder}/other.sock`;
const trusted = `${folder}/trusted`;
const scenes = "/gander/bpf/build/test/scenes";
copyFileSync(scenes, trusted);
const sensor = await startGuestSensor({ name: "gander-sockets" });
const { policies } = sensor;

let accepted = 0;
const servers: Server[] = [];
for (const path of [guarded, other, `\0${folder}/abstract`]) {
  const server = createServer((socket) => {
    accepted++;
    socket.on("error", () => {}).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
}
after(async () => {
  for (const server of servers) server.close();
  await sensor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const run = promisify(execFile);
/** Whether the connection is made, as the server sees it. */
async function connects(path: string, { program = scenes, cwd = "/" } = {}): Promise<boolean> {
  const before = accepted;
  const failed = await run(program, ["connect-to", path], { cwd }).then(
    () => "",
    ({ stderr }: { readonly stderr: string }) => stderr,
  );
  if (failed !== "") assert.match(failed, /Permission denied/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(accepted - before, failed === "" ? 1 : 0);
  return failed === "";
}

test("nobody else connects to a guarded socket, whatever leads to it", async () => {
  assert.ok(await connects(guarded));
  await addPolicy(
    policies,
    policyText(
      "guard",
      `
lsmhooks:
- hook: unix_stream_connect
  args:
  - { index: 1, type: path, btfType: unix_sock, resolve: path }
  - { index: 1, type: string, btfType: unix_sock, resolve: "addr.name[0].sun_path" }
  selectors:
  - matchArgs: [{ args: [0], operator: Equal, values: [${guarded}] }]
    matchBinaries: [{ operator: NotIn, values: [${trusted}] }]
    matchActions: [{ action: Override, argError: -13 }]
  - matchArgs: [{ args: [1], operator: Equal, values: [${guarded}] }]
    matchBinaries: [{ operator: NotIn, values: [${trusted}] }]
    matchActions: [{ action: Override, argError: -13 }]`,
    ),
  );
  const names = { cwd: folder };
  symlinkSync("guarded.sock", `${folder}/link`);
  linkSync(guarded, `${folder}/hard`);
  mkdirSync(`${folder}/mounted`);
  assert.equal(spawnSync("mount", ["--bind", folder, `${folder}/mounted`]).status, 0);
  const ways = [guarded, `${folder}/../${folder.slice(5)}/guarded.sock`, `${folder}/link`];
  for (const path of [...ways, `${folder}/hard`, `${folder}/mounted/guarded.sock`])
    assert.equal(await connects(path), false, path);
  for (const path of ["guarded.sock", "./link", "hard"])
    assert.equal(await connects(path, names), false, path);
  assert.equal(spawnSync("umount", [`${folder}/mounted`]).status, 0);
  assert.equal(stateOf(policies, "guard").counters.denied, 8n);
  assert.ok(await connects(guarded, { program: trusted }));
  assert.ok(await connects(other));
  assert.ok(await connects(`@${folder}/abstract`));
  // The kernel's socket keeps the name that it was bound to first, and forgets it when that is removed.
  const moved = `${folder}/moved`;
  renameSync(guarded, moved);
  assert.equal(await connects(moved), false, "renamed");
  rmSync(`${folder}/hard`);
  linkSync(moved, guarded);
  rmSync(moved);
  assert.equal(await connects(guarded), false, "linked from another name");
  assert.equal(stateOf(policies, "guard").counters.denied, 10n);
});
