// SPDX-License-Identifier: Apache-2.0
// GetUrl and DnsLookup: a file that nobody opens, and servers that are told when somebody does.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { run } from "./lib/attack.ts";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

const [canary, named] = ["/tmp/canary-page", "/tmp/canary-name"];
const metricsPort = 21_120;

const policy = (port: number) => `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: canaries }
spec:
  kprobes:
  - call: fd_install
    syscall: false
    args: [{ index: 1, type: file }]
    selectors:
    - matchArgs: [{ index: 1, operator: Equal, values: ["${canary}"] }]
      matchActions: [{ action: GetUrl, argUrl: "http://127.0.0.1:${port}/opened" }]
    - matchArgs: [{ index: 1, operator: Equal, values: ["${named}"] }]
      matchActions: [{ action: DnsLookup, argFqdn: opened.canary.example }]
`;

describe("canaries", () => {
  let sensor: Sensor;
  const pages: string[] = [];
  const names: string[] = [];
  const server = createServer((request, response) => {
    pages.push(`${request.method} ${request.url}`);
    response.writeHead(302, { location: "/elsewhere" }).end();
  });
  const nameServer = createSocket("udp4");
  let resolvers: string | undefined;

  before(async () => {
    for (const path of [canary, named]) writeFileSync(path, "");
    await once(server.listen(0, "127.0.0.1"), "listening");
    nameServer.on("message", (question, { port, address }) => {
      names.push(question.toString("latin1"));
      // There is no such name.
      const answer = Buffer.from(question);
      answer.writeUInt16BE(0x8183, 2);
      nameServer.send(answer, port, address);
    });
    nameServer.bind(53, "127.0.0.1");
    await once(nameServer, "listening");
    resolvers = readResolvers();
    writeFileSync("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    sensor = await Sensor.start({
      policies: { "canaries.yaml": policy(address.port) },
      flags: ["--policy-requests", "http", "--metrics-server", `127.0.0.1:${metricsPort}`],
    });
  });
  after(async () => {
    await sensor?.[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    nameServer.close();
    if (resolvers === undefined) rmSync("/etc/resolv.conf", { force: true });
    else writeFileSync("/etc/resolv.conf", resolvers);
    for (const path of [canary, named]) rmSync(path, { force: true });
  });

  const actionsAt = (path: string) =>
    sensor
      .events()
      .filter(({ process_kprobe }) => process_kprobe?.args?.[0]?.file_arg?.path === path)
      .map(({ process_kprobe }) => process_kprobe?.action);
  const counted = async (kind: string, outcome: string) => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    const line = text
      .split("\n")
      .find((one) =>
        one.includes(`gander_policy_requests_total{kind="${kind}",outcome="${outcome}"`),
      );
    return Number(line?.split(" ").at(-1));
  };
  /** An answer of the metrics server is reused for a second. */
  const counts = (kind: string, outcome: string, count: number) =>
    waitUntil(
      `${count} requests by ${kind} are counted as ${outcome}`,
      async () => (await counted(kind, outcome)) === count,
    );
  const state = () => gander("policy", "list").output;

  test("a page is fetched once for each event, and no redirect is followed", async () => {
    assert.equal(run("/bin/cat", [canary]).status, 0);
    await waitUntil("the page was fetched", () => (pages.length > 0 ? true : undefined));
    await sensor.settled();
    assert.deepEqual(actionsAt(canary), ["KPROBE_ACTION_GETURL"]);
    assert.deepEqual(pages, ["GET /opened"]);
    await counts("http", "done", 1);
  });

  test("what is not allowed is not asked for; the policy is in force and its state says so", async () => {
    assert.equal(run("/bin/cat", [named]).status, 0);
    await sensor.settled();
    assert.deepEqual(actionsAt(named), ["KPROBE_ACTION_POST"]);
    assert.deepEqual(names, []);
    await counts("dns", "off", 1);
    assert.match(state(), /DnsLookup is off on this node: allow it by --policy-requests dns/);
  });

  test("a storm makes few requests, and the others are counted", async () => {
    const before = pages.length;
    run("/bin/sh", ["-c", `for i in $(seq 60); do : < ${canary}; done`]);
    await sensor.settled();
    const seen = actionsAt(canary).slice(1);
    assert.ok(seen.length >= 60, `${seen.length} events`);
    const made = seen.filter((action) => action === "KPROBE_ACTION_GETURL").length;
    assert.ok(made >= 9 && made < 40, `${made} requests`);
    const dropped = seen.length - made;
    await counts("http", "dropped", dropped);
    assert.match(state(), new RegExp(`${dropped} requests were not made`));
    await waitUntil("all are answered", () => (pages.length === before + made ? true : undefined));
  });

  test("a name is asked for where that is allowed", async () => {
    const { policyDirectory } = sensor;
    const text = readFileSync(`${policyDirectory}/canaries.yaml`, "utf8");
    await sensor[Symbol.asyncDispose]();
    sensor = await Sensor.start({
      policies: { "canaries.yaml": text },
      flags: ["--policy-requests", "dns", "--metrics-server", `127.0.0.1:${metricsPort}`],
    });
    assert.equal(run("/bin/cat", [named]).status, 0);
    await waitUntil("the name was asked for", () => (names.length > 0 ? true : undefined));
    assert.match(names[0] ?? "", /opened.canary.example/);
    await counts("dns", "done", 1);
    await sensor.settled();
    assert.deepEqual(actionsAt(named), ["KPROBE_ACTION_DNSLOOKUP"]);
  });
});

/** Undefined: there is no such file. */
function readResolvers(): string | undefined {
  try {
    return readFileSync("/etc/resolv.conf", "utf8");
  } catch {
    return undefined;
  }
}
