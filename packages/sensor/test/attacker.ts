// SPDX-License-Identifier: Apache-2.0
// For kernel tests: a process that tries a forbidden write again and again.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export type AttackResult = {
  /** Writes that the kernel let through. */
  readonly succeeded: number;
  /** Writes that failed with EPERM. */
  readonly denied: number;
};

export type Attacker = Disposable & {
  readonly pid: number;
  /** The file that is written to; it exists and is open before the attack begins. */
  readonly file: string;
  /** Tries so far, at a moment. */
  denied(): number;
  succeeded(): number;
  /** From now on it writes as fast as it can. */
  begin(): void;
  stop(): Promise<AttackResult>;
};

// Successes are visible in the file's size, too: each appends a byte. The counts live in a file of
// their own that is written before and after each try, as the process may be killed.
const program = `
const fs = require("node:fs");
const [file, tally] = process.argv.slice(1);
const target = fs.openSync(file, "a");
const shared = fs.openSync(tally, "r+");
const counts = new Float64Array(2);
const bytes = new Uint8Array(counts.buffer);
let going = false;
const step = () => {
  for (let i = 0; going && i < 200; i++) {
    try { fs.writeSync(target, "x"); counts[0]++; } catch (error) { if (error.code !== "EPERM") throw error; counts[1]++; }
  }
  if (going) { fs.writeSync(shared, bytes, 0, 16, 0); setImmediate(step); }
};
process.on("message", (message) => {
  if (message === "begin") { going = true; step(); }
  else { going = false; fs.writeSync(shared, bytes, 0, 16, 0); process.send("stopped", () => process.exit(0)); }
});
process.send("ready");
`;

export async function startAttacker(file: string): Promise<Attacker> {
  const tally = `/tmp/tally-${process.pid}-${Math.random().toString(36).slice(2)}`;
  writeFileSync(file, "");
  writeFileSync(tally, new Uint8Array(16));
  const child: ChildProcess = spawn(process.execPath, ["-e", program, file, tally], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await once(child, "message");
  const counts = () => new Float64Array(new Uint8Array(readFileSync(tally)).buffer);
  return {
    file,
    pid: child.pid ?? 0,
    denied: () => counts()[1] ?? 0,
    succeeded: () => counts()[0] ?? 0,
    begin: () => void child.send("begin"),
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
    async stop() {
      child.send("stop");
      await once(child, "message");
      const [succeeded = 0, denied = 0] = counts();
      assert.equal(statSync(file).size, succeeded, "the file tells the same as the attacker");
      return { succeeded, denied };
    },
  };
}

/** Until the attacker has tried so often from now on. */
export async function moreAttacks(attacker: Attacker, count: number): Promise<void> {
  const goal = attacker.denied() + count;
  for (let waited = 0; attacker.denied() < goal; waited += 20) {
    assert.ok(waited < 120_000, `the attacker makes no progress at ${attacker.denied()}`);
    await sleep(20);
  }
}
