// SPDX-License-Identifier: Apache-2.0
// What a reflector of many pods costs: `pnpm --filter @gander/kube measure [PODS] [EVENTS]`.
// The server is a process of its own, so that neither its memory nor its CPU is counted.
import { fork } from "node:child_process";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { createLogger } from "@gander/base";
import { createKubeClient, createReflector, type KubeObject } from "../src/index.ts";

type Pod = KubeObject & {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
};
type KeptPod = { readonly uid: string; readonly node: string; readonly group: object };

const [pods = 100_000, events = 100_000] = process.argv.slice(2).map(Number);
if (process.send === undefined) await measure();
else serve();

async function measure(): Promise<void> {
  const child = fork(import.meta.filename, [String(pods), String(events)]);
  const port = await new Promise<number>((resolve) =>
    child.once("message", (n) => resolve(Number(n))),
  );
  const url = new URL(`http://127.0.0.1:${port}`);
  const client = createKubeClient({
    namespace: "default",
    read: async () => ({ server: url, headers: {}, tls: {} }),
    invalidate() {},
  });
  const groups = new Map<string, object>();
  const nodes = new Map<string, string>();
  const reflector = createReflector<KeptPod, Pod>(
    { client, logger: createLogger({ write: () => {} }) },
    {
      resource: { group: "", version: "v1", plural: "pods" },
      project: ({ metadata, spec }) => ({
        uid: metadata.uid,
        node: intern(nodes, spec.nodeName ?? "", spec.nodeName ?? ""),
        group: internGroup(groups, metadata),
      }),
      equal: (a, b) => a.node === b.node && a.group === b.group,
    },
  );
  const controller = new AbortController();
  const { signal } = controller;
  const turns = watchTurns();
  const before = usage();
  const running = reflector.run({ signal });
  await reflector.whenSynced({ signal });
  print("list", before, reflector.state().objects, turns.longestMs());
  await new Promise((resolve) => get(new URL("/go", url), resolve));
  turns.longestMs();
  const start = usage();
  while (reflector.state().events < events) await new Promise((resolve) => setTimeout(resolve, 5));
  print("watch", start, events, turns.longestMs());
  controller.abort();
  await running;
  client.close();
  turns.stop();
  child.kill();
}

/** The most CPU time between two turns of the loop: on a busy machine, a clock would measure other processes too. */
function watchTurns() {
  const cpuMs = () => process.cpuUsage().user / 1000;
  let longestMs = 0;
  let lastMs = cpuMs();
  const timer = setInterval(() => {
    const nowMs = cpuMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }, 1);
  return {
    longestMs() {
      const ms = longestMs;
      longestMs = 0;
      return ms;
    },
    stop: () => clearInterval(timer),
  };
}

function usage() {
  const { user, system } = process.cpuUsage();
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1000, rss, heapUsed, peakMiB };
}

function print(
  what: string,
  before: ReturnType<typeof usage>,
  count: number,
  turnMs: number,
): void {
  const wallMs = performance.now() - before.wallMs;
  const after = usage();
  const cpuMs = after.cpuMs - before.cpuMs;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  console.log(
    `${what}: ${count} objects, ${wallMs.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms`,
    `(${((cpuMs * 1000) / count).toFixed(1)} µs each, ${((count / cpuMs) * 1000).toFixed(0)}/s of CPU);`,
    `heap ${mib(before.heapUsed)} → ${mib(after.heapUsed)} MiB`,
    `(${((after.heapUsed - before.heapUsed) / count).toFixed(0)} bytes each),`,
    `RSS ${mib(before.rss)} → ${mib(after.rss)}, peak ${after.peakMiB.toFixed(0)} MiB;`,
    `at most ${turnMs.toFixed(0)} ms of CPU between two turns of the loop`,
  );
}

function intern<T>(known: Map<string, T>, key: string, value: T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, value);
  return value;
}

function internGroup(groups: Map<string, object>, metadata: Pod["metadata"]): object {
  const labels = metadata.labels ?? {};
  return intern(groups, `${metadata.namespace} ${JSON.stringify(labels)}`, labels);
}

/** Pods of about 7 KB, a quarter of it managed fields; then as many events as are asked for. */
function serve(): void {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    if (url.pathname === "/go") {
      response.end();
      server.emit("go");
      return;
    }
    const write = async (text: string) => {
      if (!response.write(text)) await new Promise((resolve) => response.once("drain", resolve));
    };
    if (url.searchParams.get("watch") === "true") {
      response.flushHeaders();
      await new Promise((resolve) => server.once("go", resolve));
      for (let n = 0; n < events; n += 10) {
        let lines = "";
        for (let m = n; m < n + 10; m++)
          lines += `{"type":"MODIFIED","object":${pod(m % pods, 2)}}\n`;
        await write(lines);
      }
      return;
    }
    const from = Number(url.searchParams.get("continue") ?? 0);
    const to = Math.min(pods, from + Number(url.searchParams.get("limit") ?? pods));
    const more = to < pods ? `,"continue":"${to}"` : "";
    await write(
      `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"${more}},"items":[`,
    );
    for (let n = from; n < to; n++) await write(`${n > from ? "," : ""}${pod(n, 1)}`);
    response.end("]}");
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
}

function pod(n: number, version: number): string {
  const app = n % 15_000;
  const uid = `${n.toString(16).padStart(8, "0")}-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
  const field = `"f:k-${"x".repeat(30)}":{".":{},"f:name":{},"f:value":{}}`;
  const managed = `{"manager":"kubelet","operation":"Update","fieldsV1":{${Array(28).fill(field).join(",")}}}`;
  const env = Array.from(
    { length: 20 },
    (_, i) => `{"name":"VARIABLE_${i}","value":"${"v".repeat(40)}"}`,
  );
  const container = `{"name":"main","image":"registry/app-${app}:1","env":[${env.join(",")}],"resources":{"limits":{"cpu":"1","memory":"1Gi"}},"args":["${"a".repeat(200)}"]}`;
  const conditions = Array.from(
    { length: 5 },
    (_, i) =>
      `{"type":"Condition${i}","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","message":"${"m".repeat(120)}"}`,
  );
  return `{"metadata":{"name":"app-${app}-${n}","namespace":"ns-${app % 300}","uid":"${uid}","resourceVersion":"${version}${n}","labels":{"app":"app-${app}","tier":"tier-${app % 7}"},"managedFields":[${managed}]},"spec":{"nodeName":"node-${n % 5000}","containers":[${container},{"name":"side","image":"proxy:2","args":["${"b".repeat(900)}"]}]},"status":{"phase":"Running","conditions":[${conditions.join(",")}]}}`;
}
