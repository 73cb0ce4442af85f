// SPDX-License-Identifier: Apache-2.0
// A sensor that cannot start tells its operator why, by the real protocol and TLS.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, GanderError } from "@gander/base";
import { streamLimits } from "@gander/proto/stream";
import { sensorConfiguration } from "@gander/sensor/configuration";
import { tellStartProblem } from "@gander/sensor/operator";
import { afterEach, beforeEach, expect, it } from "vitest";
import { authority, TestOperator } from "./test-operator.ts";

let folder: string;
let log: { message: string; level: string }[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-start-"));
  log = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const missing = new GanderError("sensor-precondition", "BTF is missing: use another kernel.");

async function tell(error: unknown, port: number, token = "token-a"): Promise<void> {
  writeFileSync(join(folder, "token"), token);
  writeFileSync(join(folder, "ca.crt"), authority.certificate);
  const argv = [
    ...[`--operator=127.0.0.1:${port}`, "--operator-server-name=gander-operator"],
    ...[`--operator-ca=${folder}/ca.crt`, `--operator-token=${folder}/token`],
    `--server-address=unix://${folder}/sub/gander.sock`,
  ];
  const { value } = sensorConfiguration.load({ argv, env: {} });
  if (value === undefined) throw new Error("the flags are wrong");
  const logger = createLogger({ write: (line) => void log.push(JSON.parse(line)) });
  await tellStartProblem(error, {
    ...{ configuration: value.values, node: "a", version: "test", logger },
  });
}

const kept = () => readFileSync(`${folder}/sub/gander.sock.problem`, "utf8");

it("is known to the operator and beside the socket, and counts as not connected", async () => {
  await using operator = await new TestOperator().start();
  await tell(missing, operator.port);
  expect(operator.hub.startProblems.of("a")).toBe(missing.message);
  expect(operator.hub.session("a")).toBeUndefined();
  expect(kept()).toBe(`${missing.message}\n`);
  expect(log.map(({ level }) => level)).toEqual(["info"]);
});

it("is cut off where it is longer than anybody reads", async () => {
  await using operator = await new TestOperator().start();
  await tell(new Error("x".repeat(100_000)), operator.port);
  expect(operator.hub.startProblems.of("a")).toHaveLength(streamLimits.startProblemLength);
});

it("is believed only of the node that the token is for", async () => {
  await using operator = await new TestOperator().start();
  operator.tokens.set("token-b", "b");
  await tell(missing, operator.port, "token-b");
  expect([...operator.hub.startProblems.all()]).toEqual([]);
  expect(log.map(({ level }) => level)).toEqual(["warn"]);
});

it("is kept beside the socket when the operator is away", async () => {
  const operator = await new TestOperator().start();
  const { port } = operator;
  await operator[Symbol.asyncDispose]();
  await tell(missing, port);
  expect(kept()).toContain("BTF is missing");
  expect(log).toMatchObject([{ level: "warn" }]);
});

it("is nobody's business if another sensor runs", async () => {
  await using operator = await new TestOperator().start();
  await tell(new GanderError("sensor-already-running", "another one runs"), operator.port);
  expect([...operator.hub.startProblems.all()]).toEqual([]);
  expect(kept).toThrow(/ENOENT/);
});
