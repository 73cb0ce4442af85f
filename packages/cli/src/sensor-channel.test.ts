// SPDX-License-Identifier: Apache-2.0
// The command line and the sensor's interface over the network, with and without certificates.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { createLogger, type Problem } from "@gander/base";
import { checkPolicy } from "@gander/policy";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createControlServer } from "../../sensor/src/control/control-server.ts";
import type { Listener, ServerTls } from "../../sensor/src/control/listeners.ts";
import type { ControlledPolicies } from "../../sensor/src/control/policies.ts";
import { createEventPublisher } from "../../sensor/src/pipeline/event-publisher.ts";
import { ProcessTable } from "../../sensor/src/process/process-table.ts";
import { testCertificate } from "../../sensor/test/test-certificate.ts";
import { runCli } from "./cli.ts";

const authority = testCertificate("authority");
const other = testCertificate("other authority");
const sensor = testCertificate("sensor.example", authority);
const client = testCertificate("client", authority);
const stranger = testCertificate("client", other);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-tls-"));
  for (const [name, { certificate, key }] of Object.entries({
    authority,
    other,
    client,
    stranger,
  })) {
    writeFileSync(join(folder, `${name}.crt`), certificate);
    writeFileSync(join(folder, `${name}.key`), key);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const certificate = Buffer.from(sensor.certificate);
const key = Buffer.from(sensor.key);
const serverOnly: ServerTls = { certificate, key };
const mutual: ServerTls = { ...serverOnly, clientAuthorities: Buffer.from(authority.certificate) };

const missing: Problem = {
  ...{ file: "", path: "", line: 0, column: 0, hint: "", severity: "error" },
  code: "policy-not-found",
  message: "there is no such policy",
};
const none = async () => ({ problems: [missing] });
const policies: ControlledPolicies = {
  ...{ list: () => [], add: none, remove: none, setEnabled: none, setMode: none, rearm: none },
};

let stop: AsyncDisposable | undefined;
afterEach(async () => {
  await stop?.[Symbol.asyncDispose]();
  stop = undefined;
});

async function listen(access: Listener["access"], tls?: ServerTls): Promise<string> {
  const tcp = `127.0.0.1:${await freePort()}`;
  const wallTime = (seconds: number) => ({ seconds, nanos: 0 });
  const processes = new ProcessTable({ nodeName: "n", maxEntries: 1024, wallTime });
  const events = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
  stop = await createControlServer(
    {
      ...{ pipeline: { events, processes }, policies, check: checkPolicy },
      logLevel: { get: () => "info", set: () => {} },
      logger: createLogger({ write: () => {} }),
      health: () => ({ running: true, details: "running" }),
      eventCounters: () => ({}),
    },
    {
      listeners: [{ tcp, access, ...(tls && { tls }) }],
      ...{ version: "1.2.3", probes: {}, configuration: {}, maxQueued: 100 },
      filters: { withCredentials: false },
    },
  );
  return tcp;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

/** `@x` is the file x of the folder. */
async function gander(line: string, address: string) {
  const text = { out: "", err: "" };
  const stream = (name: keyof typeof text) =>
    new PassThrough().setEncoding("utf8").on("data", (chunk) => {
      text[name] += chunk;
    });
  const status = await runCli(
    line.split(" ").map((word) => word.replace(/^@/, `${folder}/`)),
    {
      stdin: Object.assign(new PassThrough(), { isTTY: true }),
      stdout: stream("out"),
      stderr: stream("err"),
      env: { GANDER_SERVER_ADDRESS: address },
      signal: new AbortController().signal,
    },
  );
  await new Promise((resolve) => setImmediate(resolve));
  return { status, ...text };
}

const byAuthority = "--tls-ca-cert-files @authority.crt";
const asClient = `${byAuthority} --tls-cert-file @client.crt --tls-key-file @client.key`;

describe("over the network", () => {
  it("works in clear where the sensor allows it", async () => {
    const address = await listen("all");
    expect((await gander("status", address)).out).toMatch(/^ready: sensor 1\.2\.3/);
    expect((await gander("policy delete x", address)).err).toContain("there is no such policy");
  });

  it("works with the sensor's certificate", async () => {
    const address = await listen("all", serverOnly);
    expect(await gander(`status ${byAuthority}`, address)).toMatchObject({ status: 0 });
    expect(await gander("status --tls-skip-verify", address)).toMatchObject({ status: 0 });
    const named = `${byAuthority} --tls-server-name sensor.example`;
    expect(await gander(`status ${named}`, address)).toMatchObject({ status: 0 });
  });

  it.each([
    ["", "in clear"],
    ["--tls-ca-cert-files @other.crt", "by another authority"],
    [`${byAuthority} --tls-server-name else.example`, "of another name"],
    ["--tls-server-name sensor.example", "by no authority of the system"],
  ])("does not believe a sensor: %s (%s)", async (flags) => {
    const address = await listen("all", serverOnly);
    const { status, err } = await gander(`status --timeout 5s ${flags}`.trim(), address);
    expect(status).toBe(1);
    expect(err).toContain(`Cannot reach the sensor at ${address}`);
    expect(err).toContain("--tls-ca-cert-files");
  });

  it("lets only clients with a certificate in, if it asks for one", async () => {
    const address = await listen("all", mutual);
    expect(await gander(`status ${asClient}`, address)).toMatchObject({ status: 0 });
    expect((await gander(`policy delete x ${asClient}`, address)).err).toContain("no such policy");
    const unknown = `${byAuthority} --tls-cert-file @stranger.crt --tls-key-file @stranger.key`;
    for (const flags of [byAuthority, unknown])
      expect(await gander(`status --timeout 5s ${flags}`, address)).toMatchObject({ status: 1 });
  });

  it("changes nothing for clients without a certificate", async () => {
    const address = await listen("read", serverOnly);
    expect(await gander(`status ${byAuthority}`, address)).toMatchObject({ status: 0 });
    expect(await gander(`policy list ${byAuthority}`, address)).toMatchObject({ status: 0 });
    for (const command of ["delete x", "enable x", "disable x", "set-mode x monitor"]) {
      const { status, err } = await gander(`policy ${command} ${byAuthority}`, address);
      expect(status).toBe(1);
      expect(err).toMatch(/this address only reads.*socket/s);
    }
  });

  it.each([
    ["--tls-cert-file @client.crt", /go together/],
    [`${byAuthority} --tls-skip-verify`, /asks for no authority/],
    ["--tls-ca-cert-files @none", /none cannot be read/],
    [
      "--tls-ca-cert-files @client.key --tls-cert-file @client.key --tls-key-file @client.crt",
      /\S/,
    ],
  ])("refuses %s", async (flags, problem) => {
    const { status, err } = await gander(`status ${flags}`, "127.0.0.1:1");
    expect(status).toBe(1);
    expect(err).toMatch(/^gander: Cannot connect: /);
    expect(err).toMatch(problem);
  });

  it("says why nobody can be reached", async () => {
    const { status, err } = await gander("status --timeout 5s", "127.0.0.1:1");
    expect(status).toBe(1);
    expect(err.split("\n")[0]).toBe(
      "gander: Cannot reach the sensor at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
    );
  });

  it("needs no TLS for a socket of this machine", async () => {
    const { err } = await gander(`status ${byAuthority}`, "/run/x.sock");
    expect(err).toContain("there is no such socket");
  });
});
