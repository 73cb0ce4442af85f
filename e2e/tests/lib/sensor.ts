// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { resolve } from "node:path";
import { type AttackResult, run } from "./attack.ts";
import { ExportReader } from "./export-reader.ts";
import { ExportTail } from "./export-tail.ts";
import type { ExportedEvent } from "./exported-event.ts";
import { waitUntil } from "./wait-until.ts";

const home = "/run/gander-acceptance";

/** The policies that come with the product, as their users run them. */
export const seedPolicies = resolve(import.meta.dirname, "../../../policies/examples");

export interface SensorOptions {
  /** File name → text; copied into a directory of their own. */
  readonly policies?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
}

/** A running `gander run`, driven from outside as its users drive it. */
export class Sensor implements AsyncDisposable {
  readonly policyDirectory = `${home}/policies`;
  readonly exportFile = `${home}/export.log`;
  readonly socket = "/var/run/gander/gander.sock";
  readonly #flags: readonly string[];
  readonly #logFile = `${home}/sensor.log`;
  readonly #export = new ExportReader();
  readonly #tail = new ExportTail();
  #process: ChildProcess | undefined;

  /** Starts in an empty directory and waits until it reports that it is ready. */
  static async start(options: SensorOptions = {}): Promise<Sensor> {
    rmSync(home, { recursive: true, force: true });
    const sensor = new Sensor(options.flags ?? []);
    mkdirSync(sensor.policyDirectory, { recursive: true });
    for (const [name, text] of Object.entries(options.policies ?? {}))
      sensor.writePolicy(name, text);
    await sensor.restart();
    return sensor;
  }

  private constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it again, after stop() or kill(), on the existing files. */
  async restart(): Promise<void> {
    const said = this.log().length;
    this.launch();
    // By its log: starting a client program costs seconds under emulation (instance.kernel-test.ts does it).
    const isReady = () => this.log().slice(said).includes('"Sensor is ready"');
    await waitUntil("the sensor is ready", () => isReady() || !this.running, 180_000);
    if (!isReady()) throw new Error(`the sensor is not ready:\n${this.log().slice(-3000)}`);
  }

  /** Starts it without waiting. */
  launch(): void {
    const log = openSync(this.#logFile, "a");
    this.#process = spawn(
      "gander",
      [
        ...["run", "--policies", this.policyDirectory, "--export-filename", this.exportFile],
        ...this.#flags,
      ],
      { stdio: ["ignore", log, log] },
    );
    closeSync(log);
  }

  /** A clean stop; gives the exit status. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Kills it like the out-of-memory killer. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const ended = new Promise<number | null>((done) =>
      child.once("exit", (status) => done(status)),
    );
    // Started through a launcher: the signal is for the sensor itself.
    child.kill(signal);
    return ended;
  }

  get running(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** Writes a policy file as an editor does: all at once. */
  writePolicy(name: string, text: string): void {
    writeFileSync(`${home}/${name}.tmp`, text);
    renameSync(`${home}/${name}.tmp`, `${this.policyDirectory}/${name}`);
  }

  removePolicy(name: string): void {
    rmSync(`${this.policyDirectory}/${name}`);
  }

  log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, "utf8") : "";
  }

  /** All complete lines exported so far, including those of rotated files, oldest first. */
  exportedText(): string {
    return exportFiles()
      .map((name) => readFileSync(`${home}/${name}`, "utf8"))
      .join("");
  }

  events(): readonly ExportedEvent[] {
    return this.#export.events(exportFiles().map(inHome));
  }

  /** Waits for an event; earlier ones count as well. */
  async event(
    what: string,
    is: (event: ExportedEvent) => boolean,
    timeoutMs = 60_000,
  ): Promise<ExportedEvent> {
    return waitUntil(`there is an event: ${what}`, () => this.events().find(is), timeoutMs);
  }

  /** Runs a program that marks the export, and waits for the mark: all earlier events are written then. */
  async settled(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const mark = `mark-${Math.random().toString(36).slice(2)}`;
      this.#tail.watch(mark);
      run("/bin/true", [mark]);
      // The mark's exec and exit. Either may be lost while the ring is full: then another mark is sent.
      const isWritten = () => this.#tail.count(mark, exportFiles().map(inHome)) >= 2;
      try {
        await waitUntil("the mark's exit is exported", isWritten, 60_000);
        return;
      } catch (error) {
        if (attempt === 4) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.running && this.#process !== undefined) await this.restart().catch(() => {});
    await this.stop();
  }
}

export const exportDirectory = home;
const inHome = (name: string) => `${home}/${name}`;

/** Names of the export file and its backups, oldest first. */
export function exportFiles(): string[] {
  const backups = readdirSync(home).filter((name) => /^export-.*\.log$/.test(name));
  return [...backups.sort(), ...(existsSync(`${home}/export.log`) ? ["export.log"] : [])];
}

export function gander(...argv: readonly string[]): AttackResult {
  return run("gander", argv);
}

/** The three seed policies: file name → text. */
export function readSeedPolicies(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(seedPolicies)
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => [name, readFileSync(`${seedPolicies}/${name}`, "utf8")]),
  );
}
