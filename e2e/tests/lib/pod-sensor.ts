// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { attackProgram } from "./attack.ts";
import { asPod, stateDir } from "./chart-rights.ts";
import { waitUntil } from "./wait-until.ts";

const home = "/run/gander-pod";

export type PodOptions = {
  /** Another size counts as another build of the programs. */
  readonly ringBytes?: number;
  /** `attack kill-at` kills the sensor before its Nth call that changes something. */
  readonly killAt?: number;
  /** As root on the host, not in a pod. */
  readonly unconfined?: boolean;
};

/** Sensors as the chart runs them: with its capabilities and writable mounts, and nothing else. */
export class PodSensors implements AsyncDisposable {
  readonly #logFile = `${home}/sensor.log`;
  #process: ChildProcess | undefined;
  #said = 0;
  /** The last output of `attack kill-at`: the number of calls that changed something. */
  #output = "";

  constructor(policies: Readonly<Record<string, string>>) {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(`${home}/policies`, { recursive: true });
    for (const folder of ["/var/run/gander", stateDir]) mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(policies))
      writeFileSync(`${home}/policies/${name}`, text);
  }

  /** Starts a sensor and returns whether it got ready or died. */
  async start(options: PodOptions = {}): Promise<"ready" | "dead"> {
    this.#said = this.#all().length;
    const log = openSync(this.#logFile, "a");
    const [program = "", ...argv] = commandLine(options);
    const child = spawn(program, argv, { stdio: ["ignore", "pipe", log] });
    closeSync(log);
    this.#process = child;
    this.#output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
    });
    const isSettled = () => {
      if (hasEnded(child)) return "dead";
      return this.log().includes("Sensor is ready") && "ready";
    };
    try {
      return await waitUntil("the sensor is ready or dead", isSettled, 300_000);
    } catch (cause) {
      throw new Error(`${JSON.stringify(options)}: neither ready nor dead: ${this.log()}`, {
        cause,
      });
    }
  }

  /** The log of the last sensor. */
  log(): string {
    return this.#all().slice(this.#said);
  }

  /** How many changing calls a sensor needed that was started with `killAt: 0`. */
  get changes(): number {
    return Number(this.#output.trim());
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it as the kubelet does. Through `attack kill-at`: that kills the sensor and prints its count. */
  async end(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || hasEnded(child)) return;
    const closed = new Promise((done) => child.once("close", done));
    child.kill(signal);
    await closed;
  }

  #all(): string {
    try {
      return readFileSync(this.#logFile, "utf8");
    } catch {
      return "";
    }
  }

  /** Ends the sensor. Its state in the kernel stays there. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function commandLine({ ringBytes = 1 << 20, killAt, unconfined = false }: PodOptions): string[] {
  const sensor = [
    ...["gander", "run", "--keep-sensors-on-exit", "--state-dir", stateDir],
    ...["--policies", `${home}/policies`, "--rb-size", String(ringBytes)],
  ];
  return [
    ...(killAt === undefined ? [] : [attackProgram, "kill-at", String(killAt)]),
    ...(unconfined ? [] : asPod()),
    ...sensor,
  ];
}
