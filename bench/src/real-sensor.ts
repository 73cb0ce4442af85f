// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repository } from "./repository.ts";

const home = "/run/gander-bench";
/** The program as installed. */
const bundle = join(repository, "dist/gander.mjs");

export type PolicyCounts = {
  readonly matched: number;
  readonly emitted: number;
  readonly lost: number;
};

/** The content of an export file since it was emptied. */
export type ExportedLines = {
  readonly events: number;
  /** Missing events, as counted by marks in the file. */
  readonly marked: number;
};

/** `gander run`, as users run it. */
export class RealSensor implements AsyncDisposable {
  readonly exportFile = `${home}/export.log`;
  readonly #process: ChildProcess;
  #log = "";
  #ended = false;

  /**
   * Starts it with these policies (name → text) and waits until it is ready. All settings are the defaults,
   * except that the export file is not rotated: its lines are counted.
   */
  static async start(policies: Readonly<Record<string, string>> = {}): Promise<RealSensor> {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(`${home}/policies`, { recursive: true });
    for (const [name, text] of Object.entries(policies))
      writeFileSync(`${home}/policies/${name}.yaml`, text);
    const sensor = new RealSensor();
    await sensor.logged("Sensor is ready");
    return sensor;
  }

  private constructor() {
    this.#process = spawn(
      process.execPath,
      [
        ...[bundle, "run", "--policies", `${home}/policies`],
        ...["--export-filename", this.exportFile, "--export-file-max-size-mb", "100000"],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log += text;
      this.#process.emit("said");
    });
    this.#process.on("exit", () => {
      this.#ended = true;
      this.#process.emit("said");
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Nanoseconds of CPU, in user space and kernel, of all its living threads. */
  cpuNs(): number {
    return readdirSync(`/proc/${this.pid}/task`)
      .map((task) => readFileSync(`/proc/${this.pid}/task/${task}/schedstat`, "utf8"))
      .reduce((sum, text) => sum + Number(text.split(" ")[0]), 0);
  }

  /** A line of /proc/PID/status in bytes, such as VmRSS. */
  memoryBytes(field: "VmRSS" | "VmHWM"): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
  }

  /** Puts a policy file in place and waits until it is in force. Returns the CPU and elapsed time. */
  async apply(name: string, text: string): Promise<{ cpuNs: number; elapsedNs: number }> {
    writeFileSync(`${home}/${name}.tmp`, text);
    this.#log = "";
    const cpu = this.cpuNs();
    const start = process.hrtime.bigint();
    renameSync(`${home}/${name}.tmp`, `${home}/policies/${name}.yaml`);
    await this.logged(`"policy":"${name}"`);
    if (this.#log.includes('"level":"error"')) throw new Error(`Not in force:\n${this.#log}`);
    return { elapsedNs: Number(process.hrtime.bigint() - start), cpuNs: this.cpuNs() - cpu };
  }

  /** Waits for a text in its log. @throws Error, with the log, if the sensor ends or takes minutes. */
  async logged(text: string): Promise<void> {
    const timeout = AbortSignal.timeout(300_000);
    while (!this.#log.includes(text)) {
      if (this.#ended || timeout.aborted)
        throw new Error(`The sensor did not log ${text}:\n${this.#log.slice(-2000)}`);
      await new Promise<void>((resolve) => {
        this.#process.once("said", resolve);
        timeout.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  counts(policy: string): PolicyCounts {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [bundle, "policy", "list", "-o", "json"],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`gander policy list: ${stderr}`);
    const listed: ListedPolicy[] = JSON.parse(stdout);
    const counters = listed.find(({ name }) => name === policy)?.stats?.action_counters;
    if (counters === undefined) throw new Error(`There are no counters of ${policy}: ${stdout}`);
    const sum = (...names: string[]) =>
      names.reduce((total, name) => total + Number(counters[name] ?? 0), 0);
    const emitted = sum("post");
    const lost = sum("lost_ring_full", "lost_memory");
    return { emitted, lost, matched: sum("hits") - sum("filtered", "unevaluated") };
  }

  /** Discards the exported lines: the sensor appends. */
  emptyExport(): void {
    if (existsSync(this.exportFile)) truncateSync(this.exportFile);
  }

  /** Counts lines once none was added for three seconds: a mark for missing events may be late. */
  async settledLines(): Promise<ExportedLines> {
    let lines = countLines(this.exportFile);
    for (let calm = 0; calm < 30; ) {
      await sleep(100);
      const now = countLines(this.exportFile);
      calm = now.events + now.marked === lines.events + lines.marked ? calm + 1 : 0;
      lines = now;
    }
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

type ListedPolicy = {
  readonly name: string;
  readonly stats?: { readonly action_counters?: Readonly<Record<string, string | number>> };
};

const buffer = Buffer.alloc(1 << 20);
const newline = 10;

function countLines(path: string): ExportedLines {
  if (!existsSync(path)) return { events: 0, marked: 0 };
  const file = openSync(path, "r");
  let events = 0;
  let marked = 0;
  try {
    for (let rest = ""; ; ) {
      const size = readSync(file, buffer);
      if (size === 0) break;
      for (let at = buffer.indexOf(newline); at >= 0 && at < size; ) {
        events++;
        at = buffer.indexOf(newline, at + 1);
      }
      const text = rest + buffer.toString("latin1", 0, size);
      const end = text.lastIndexOf("\n") + 1;
      for (const [, dropped] of text.slice(0, end).matchAll(/"rate_limit_info":\{[^}]*?(\d+)/g)) {
        events--;
        marked += Number(dropped);
      }
      rest = text.slice(end);
    }
  } finally {
    closeSync(file);
  }
  return { events, marked };
}
