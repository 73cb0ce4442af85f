// SPDX-License-Identifier: Apache-2.0
import { parentPort, workerData } from "node:worker_threads";
import { nativeTargets, targets } from "../targets/index.ts";
import { fuzz } from "./fuzz.ts";

/** Runs one target; shared memory holds the current input, for the waiting thread. */
export type WorkerTask = {
  readonly name: string;
  readonly seed: number;
  readonly forMs: number;
  readonly current: SharedArrayBuffer;
};

const { name, seed, forMs, current } = workerData as WorkerTask;
const target = [...targets, ...nativeTargets].find((one) => one.name === name);
if (target === undefined) throw new Error(`no target is called ${name}`);
const state = new Int32Array(current, 0, 2);
const bytes = new Uint8Array(current, 8);
const result = fuzz(target, {
  seed,
  forMs,
  onInput(input) {
    bytes.set(input);
    state[1] = input.length;
    Atomics.add(state, 0, 1);
  },
});
parentPort?.postMessage(result);
