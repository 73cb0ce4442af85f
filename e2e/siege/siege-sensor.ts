// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { TracingPolicyStatus } from "@gander/proto";
import type { Guard } from "./guards.ts";
import { runProgram } from "./lib/run-program.ts";
import { until } from "./lib/until.ts";
import { connectToSensor, type SensorClient } from "./sensor-client.ts";

const home = "/run/siege";
export const directories = {
  policies: `${home}/policies`,
  /** Small file systems of their own, which can be filled. */
  state: `${home}/state`,
  export: `${home}/export`,
  cgroup: "/sys/fs/cgroup/siege-sensor",
} as const;
const logFile = `${home}/sensor.log`;

/** `gander run` as a user runs it, with all that a siege does to it. */
export class SiegeSensor implements AsyncDisposable {
  readonly #guards: readonly Guard[];
  #processes: ChildProcess[] = [];
  /** Version of the guards; each rewrite increases it. */
  version = 0;

  constructor(guards: readonly Guard[]) {
    this.#guards = guards;
  }

  /** Creates its directories, starts it and puts the guards in force, with more policies beside them. */
  async setUp(more: Readonly<Record<string, string>>): Promise<void> {
    for (const directory of Object.values(directories)) mkdirSync(directory, { recursive: true });
    await runProgram(["mount", "-t", "tmpfs", "-o", "size=16m", "state", directories.state]);
    await runProgram(["mount", "-t", "tmpfs", "-o", "size=24m", "export", directories.export]);
    for (const { name, by, text } of this.#guards)
      if (by === "file") this.writePolicy(name, text(0));
    for (const [name, text] of Object.entries(more)) this.writePolicy(name, text);
    this.launch();
    await this.becomesReady([]);
    for (const { by, text } of this.#guards)
      if (by === "socket") await this.ask((client) => client.add(text(0)));
    await this.becomesReady();
  }

  launch(): void {
    const log = openSync(logFile, "a");
    const options = [
      ...["--policies", directories.policies, "--state-dir", directories.state],
      ...["--export-filename", `${directories.export}/events.log`],
      ...["--export-file-max-size-mb", "4", "--export-file-max-backups", "2"],
      "--keep-sensors-on-exit",
    ];
    const start = `echo $$ > ${directories.cgroup}/cgroup.procs; exec gander run "$@"`;
    // In its own process group: an orphaned group with a stopped process is hung up as a whole (SIGHUP).
    const child = spawn("sh", ["-c", start, "sh", ...options], {
      stdio: ["ignore", log, log],
      detached: true,
    });
    closeSync(log);
    child.once("exit", () => {
      this.#processes = this.#processes.filter((one) => one !== child);
    });
    this.#processes.push(child);
  }

  get pid(): number {
    return this.#processes[0]?.pid ?? 0;
  }

  /** How many of its processes run. */
  get running(): number {
    return this.#processes.length;
  }

  /**
   * Waits until one started process is the only one, answers, and has all policies in force. On a
   * busy machine, beside a load, that takes minutes.
   */
  async becomesReady(guards = this.#guards): Promise<void> {
    let missing = "it does not answer";
    const isReady = async () => {
      if (this.running === 0)
        throw new Error(`The sensor has ended by itself:\n${this.lastWords()}`);
      missing = await this.ask((client) => client.policies()).then(
        (policies) => whatIsMissing(policies, guards),
        (error: unknown) => String(error),
      );
      return missing === "" && this.running === 1;
    };
    if ((await until(isReady, 900_000, 300)) !== true)
      throw new Error(`The sensor is not ready: ${missing}\n${this.lastWords()}`);
  }

  async ask<T>(question: (client: SensorClient) => Promise<T>): Promise<T> {
    using client = connectToSensor();
    return await question(client);
  }

  /** Sends the signal to all its running processes; returns false if one does not end. */
  async end(signal: NodeJS.Signals): Promise<boolean> {
    for (const child of this.#processes) child.kill(signal);
    return (await until(() => this.running === 0, 120_000, 20)) === true;
  }

  signal(signal: NodeJS.Signals): void {
    for (const child of this.#processes) child.kill(signal);
  }

  /** Writes the file at once, as editors do. */
  writePolicy(name: string, text: string): void {
    writeFileSync(`${home}/policy.tmp`, text);
    renameSync(`${home}/policy.tmp`, `${directories.policies}/${name}.yaml`);
  }

  removePolicy(name: string): void {
    rmSync(`${directories.policies}/${name}.yaml`, { force: true, recursive: true });
  }

  /** Rewrites every guard in other words. Guards from files are in force a moment later. */
  async rewriteGuards(version: number): Promise<void> {
    for (const guard of this.#guards) await this.rewriteGuard(guard, version);
  }

  async rewriteGuard({ name, by, text }: Guard, version: number): Promise<void> {
    this.version++;
    if (by === "file") this.writePolicy(name, text(version));
    else await this.ask((client) => client.add(text(version)));
  }

  /** Recovers as people do after lost state: adds what files don't restore, then deletes unknown policies. */
  async recover(version: number): Promise<void> {
    await this.becomesReady(this.#guards.filter(({ by }) => by === "file"));
    await this.rewriteGuards(version);
    await this.becomesReady();
    await this.ask(async (client) => {
      for (const { name = "" } of await client.policies())
        if (name.startsWith("unknown:")) await client.delete(name);
    });
  }

  get guards(): readonly Guard[] {
    return this.#guards;
  }

  log(): string {
    return existsSync(logFile) ? readFileSync(logFile, "utf8") : "";
  }

  lastWords(): string {
    return this.log().slice(-2500);
  }

  /** Its resident memory, in megabytes. */
  memoryMb(): number {
    if (this.pid === 0) return 0;
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Removes its state on disk and in the kernel. */
  async cleanUp(): Promise<void> {
    await runProgram(["umount", directories.state]);
    await runProgram(["umount", directories.export]);
    for (const path of [home, "/sys/fs/bpf/gander"]) rmSync(path, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    await this.cleanUp();
  }
}

/** Why not all guards are in force; empty if they are. */
export function whatIsMissing(
  policies: readonly TracingPolicyStatus[],
  guards: readonly Guard[],
): string {
  return guards
    .flatMap(({ name }) => {
      const policy = policies.find((one) => one.name === name);
      if (policy === undefined) return [`${name} is not there`];
      if (policy.state !== "TP_STATE_ENABLED") return [`${name}: ${policy.state} ${policy.error}`];
      return policy.mode === "TP_MODE_ENFORCE" ? [] : [`${name}: ${policy.mode}`];
    })
    .join(", ");
}
