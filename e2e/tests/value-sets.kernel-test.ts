// SPDX-License-Identifier: Apache-2.0
// Sets of values: written once, used by several policies, changed without touching these.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const head = (kind: string, name: string) =>
  `---\napiVersion: gander.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec:\n`;

const setOf = (name: string, values: readonly string[]) =>
  `${head("ValueSet", name)}  values: ${JSON.stringify(values)}\n`;

/** Kills who opens a file below paths of a set, but for programs of another. */
const opens = `${head("GuardPolicy", "opens")}
  kprobes:
    - call: security_file_open
      syscall: false
      args: [{ index: 0, type: file }]
      selectors:
        - matchArgs: [{ index: 0, operator: Prefix, values: ["set:guarded"] }]
          matchBinaries: [{ operator: NotIn, values: ["set:trusted"] }]
          matchActions: [{ action: Sigkill }]
`;

/** Kills who changes the mode of a file there, whatever the program. */
const modes = `${head("GuardPolicy", "modes")}
  kprobes:
    - call: security_path_chmod
      syscall: false
      args: [{ index: 0, type: path }]
      selectors:
        - matchArgs: [{ index: 0, operator: Prefix, values: ["set:guarded"] }]
          matchActions: [{ action: Sigkill }]
`;

/** Denies connections to networks of a set. */
const connections = `${head("GuardPolicy", "connections")}
  kprobes:
    - call: security_socket_connect
      syscall: false
      args: [{ index: 1, type: sockaddr }]
      selectors:
        - matchArgs: [{ index: 1, operator: SAddr, values: ["set:networks"] }]
          matchActions: [{ action: Override, argError: -1 }]
`;

const write = (file: string) => run("bash", ["-c", `echo x >> ${file}`]).signal === null;
const writeByTee = (file: string) => run("tee", ["-a", file]).signal === null;
const setMode = (file: string) => run("chmod", ["600", file]).signal === null;

/** Without opening it, which kills. */
const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

describe("sets of values", () => {
  let sensor: Sensor;
  const server = createServer((socket) => void socket.end("hello"));
  const port = () => (server.address() as { port: number }).port;
  /** Whether the listener answers. */
  const reaches = (host: string) =>
    new Promise<boolean>((done) => {
      const socket = connect({ host, port: port() });
      socket.on("data", () => done(true));
      socket.on("error", () => done(false));
    });

  before(async () => {
    await new Promise<void>((done) => server.listen(0, "0.0.0.0", done));
    sensor = await Sensor.start({
      policies: {
        "opens.yaml": opens,
        "modes.yaml": modes,
        "connections.yaml": connections,
        "guarded.yaml": setOf("guarded", ["/var/tmp/one/", "/var/tmp/always/"]),
        "others.yaml":
          setOf("trusted", [run("readlink", ["-f", "/usr/bin/tee"]).output.trim()]) +
          setOf("networks", ["127.0.1.0/24", "127.9.9.9"]),
      },
    });
    for (const name of ["one", "two", "always"]) run("mkdir", ["-p", `/var/tmp/${name}`]);
  });
  after(async () => {
    server.close();
    await sensor?.[Symbol.asyncDispose]();
  });

  test("paths and programs are those of the sets, in every policy that uses them", () => {
    assert.equal(write("/var/tmp/one/x"), false);
    assert.equal(sizeOf("/var/tmp/one/x"), 0);
    assert.equal(writeByTee("/var/tmp/one/x"), true, "a trusted program may");
    assert.equal(setMode("/var/tmp/one/x"), false, "the other policy has the same set");
    assert.equal(write("/var/tmp/two/x"), true);
    assert.equal(setMode("/var/tmp/two/x"), true);
  });

  test("networks are those of the set", async () => {
    for (const host of ["127.0.1.7", "127.9.9.9"]) assert.equal(await reaches(host), false, host);
    for (const host of ["127.0.2.7", "127.9.9.8"]) assert.equal(await reaches(host), true, host);
  });

  test("a changed set is in force for all of them, and their files stay as they are", async () => {
    sensor.writePolicy("guarded.yaml", setOf("guarded", ["/var/tmp/two/", "/var/tmp/always/"]));
    await waitUntil("the new values are in force", () => !write("/var/tmp/two/y"));
    // Both changed at one moment: nothing has to be waited for.
    assert.equal(writeByTee("/var/tmp/two/y"), true);
    assert.equal(setMode("/var/tmp/two/y"), false);
    assert.equal(write("/var/tmp/one/x"), true, "the old values are not");
    assert.equal(setMode("/var/tmp/one/x"), true);
    sensor.writePolicy(
      "others.yaml",
      setOf("trusted", ["/usr/bin/none"]) + setOf("networks", ["127.0.2.0/24"]),
    );
    await waitUntil("another network is denied", async () => !(await reaches("127.0.2.7")));
    assert.equal(await reaches("127.0.1.7"), true);
    assert.equal(writeByTee("/var/tmp/two/y"), false, "it is not trusted any more");
  });

  test("at no moment is a value free that is in the set before and after", async () => {
    const attacks = spawn("bash", [
      "-c",
      "while :; do (echo x >> /var/tmp/always/x) 2>/dev/null; echo; done",
    ]);
    let tries = 0;
    attacks.stdout.on("data", (text: Buffer) => {
      tries += text.length;
    });
    for (let i = 0; i < 8; i++) {
      const more = Array.from({ length: 40 * i }, (_, k) => `/var/tmp/more-${i}-${k}/`);
      sensor.writePolicy("guarded.yaml", setOf("guarded", ["/var/tmp/always/", ...more]));
      await sleep(700);
    }
    attacks.kill("SIGKILL");
    assert.ok(tries > 10, `${tries} attacks are too few to tell`);
    assert.equal(sizeOf("/var/tmp/always/x"), 0);
  });

  test("a set that is gone keeps its values, and policies say so", async () => {
    sensor.removePolicy("guarded.yaml");
    const list = await waitUntil("the list says so", () => {
      const { output } = gander("policy", "list", "-o", "json");
      return output.includes("in no file any more") ? output : undefined;
    });
    assert.match(list, /"opens"/);
    assert.equal(write("/var/tmp/always/x"), false);
  });

  test("even across a restart, after which the set is not known at all", async () => {
    await sensor.kill();
    await sensor.restart();
    assert.equal(write("/var/tmp/always/x"), false);
    sensor.writePolicy("guarded.yaml", setOf("guarded", ["/var/tmp/one/"]));
    await waitUntil("the set is known again", () => write("/var/tmp/always/x"));
    assert.equal(write("/var/tmp/one/z"), false);
  });
});
