// SPDX-License-Identifier: Apache-2.0
// Run as a process of its own by lifetime.kernel-test.ts, as JavaScript. Each scene leaves
// things open in another way; it prints "done" when it has come to its end as it should.
import { readdirSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BpfMap, mapFlags, RingBuffer } from "../src/index.ts";
import { callUmask, loadFixture, u64 } from "./fixture.ts";

/** Everything a process can hold of this package, the ring with its callback among it. */
function openEverything(onRecords: () => void = () => {}) {
  const object = loadFixture(["by_fentry", "write_records"]);
  const links = ["by_fentry", "write_records"].map((name) => object.program(name).attach());
  const memory = object.map("counters").memory();
  const ring: RingBuffer = new RingBuffer(object.map("events"), {
    onReadable: () => {
      ring.drain(() => {});
      onRecords();
    },
  });
  return { object, links, memory, ring };
}

const inWorker: Readonly<Record<string, () => unknown>> = {
  /** Ends by itself with all open, after it has read. */
  ends: async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    openEverything(resolve);
    callUmaskInWorker();
    await promise;
    process.exit();
  },
  /** Is terminated from outside, in the middle of reading. */
  terminated: () => {
    openEverything();
    parentPort?.postMessage("open");
  },
  /** Is terminated while a link is being closed on another thread. */
  closing: () => {
    const { links } = openEverything();
    for (const link of links) void link.closeAsync();
    parentPort?.postMessage("open");
  },
};

/** process.umask() can't be set from a worker: any process does, the fixture is told which. */
function callUmaskInWorker(): void {
  parentPort?.postMessage("umask");
}

function runWorker(scene: string, terminateOn?: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const worker = new Worker(new URL(import.meta.url), { workerData: scene });
  worker.on("error", reject);
  worker.on("exit", () => resolve());
  worker.on("message", (message) => {
    if (message === "umask") callUmask(10);
    if (message === terminateOn) {
      callUmask(10);
      void worker.terminate();
    }
  });
  return promise;
}

function countDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

const scenes: Readonly<Record<string, () => unknown>> = {
  /** The event loop is kept alive by the ring: process.exit() ends it. */
  exit: () => {
    openEverything();
    callUmask(10);
    setTimeout(() => {
      console.log("done");
      process.exit(0);
    }, 50);
  },
  /** Nothing else keeps it running: it ends by itself. */
  "no-keep-alive": () => {
    const { object, ring } = openEverything();
    ring.close();
    new RingBuffer(object.map("events"), { onReadable: () => {}, keepAlive: false });
    callUmask(10);
    process.on("exit", () => console.log("done"));
  },
  "callback-throws": () => {
    process.once("uncaughtException", (error) => {
      console.log(String(error));
      process.exit(3);
    });
    openEverything(() => {
      throw new Error("from the callback");
    });
    callUmask(1);
  },
  "worker-ends": async () => {
    await runWorker("ends");
    console.log("done");
  },
  "worker-terminated": async () => {
    for (let i = 0; i < 3; i++) await runWorker("terminated", "open");
    console.log("done");
  },
  "worker-closing": async () => {
    for (let i = 0; i < 3; i++) await runWorker("closing", "open");
    console.log("done");
  },
  /** Maps that are closed, and maps that are forgotten: no descriptor and no memory stays. */
  "leaks-closed": async () => {
    await leaks(() => {
      const map = BpfMap.create({
        type: "array",
        valueSize: 8,
        maxEntries: 1,
        flags: mapFlags.mmapable,
      });
      using _memory = map.memory();
      map.close();
    });
  },
  "leaks-forgotten": async () => {
    await leaks(() => {
      BpfMap.create({ type: "hash", keySize: 8, valueSize: 8, maxEntries: 1 }).set(u64(1), u64(1));
    });
  },
  "leaks-rings": async () => {
    using map = BpfMap.create({ type: "ringbuf", keySize: 0, valueSize: 0, maxEntries: 4096 });
    await leaks(() => {
      const ring = new RingBuffer(map, { onReadable: () => {} });
      ring.close();
    });
  },
};

async function leaks(cycle: () => void): Promise<void> {
  const round = async (cycles: number) => {
    for (let i = 0; i < cycles; i++) {
      cycle();
      if (i % 500 !== 499) continue;
      global.gc?.();
      await nextTurn();
    }
    global.gc?.();
    await sleep(20);
  };
  await round(3000);
  const before = { descriptors: countDescriptors(), bytes: process.memoryUsage().rss };
  await round(10_000);
  const descriptors = countDescriptors() - before.descriptors;
  const kilobytes = (process.memoryUsage().rss - before.bytes) / 1024;
  console.log(JSON.stringify({ descriptors, kilobytes }));
}

if (isMainThread) await scenes[process.argv[2] ?? ""]?.();
else await inWorker[workerData as string]?.();
