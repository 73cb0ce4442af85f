// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { createLogger } from "@gander/base";
import { describe, expect, it, vi } from "vitest";
import { createMetrics } from "./create-metrics.ts";
import { checkMetricsAddress } from "./metrics-address.ts";
import { createMetricsHandler } from "./metrics-handler.ts";
import { serveMetrics } from "./metrics-server.ts";
import { createProcessMetrics, processInstruments } from "./process-metrics.ts";
import { maxSeries } from "./state-producer.ts";

const instruments = {
  test_calls_total: { kind: "counter", help: "Calls.", labels: { policy: "its name" } },
  test_waiting: { kind: "gauge", help: "What waits." },
  test_answer_seconds: { kind: "histogram", help: "Answers.", labels: { how: "good or bad" } },
} as const;

const logger = createLogger({ level: "error" });
const resource = { "service.name": "test" };

describe("the text for Prometheus", () => {
  it("has names, help, labels and values of now", async () => {
    let calls = 3n;
    await using metrics = await createMetrics(
      { logger },
      {
        instruments,
        resource,
        collect: (report) => {
          report("test_calls_total", calls, { policy: 'a"\n\\b' });
          report("test_waiting", 1.5);
        },
      },
    );
    metrics.observe("test_answer_seconds", 0.2, { how: "good" });
    expect(await metrics.text()).toMatchInlineSnapshot(`
      "# HELP test_answer_seconds Answers.
      # TYPE test_answer_seconds histogram
      test_answer_seconds_count{how="good"} 1
      test_answer_seconds_sum{how="good"} 0.2
      test_answer_seconds_bucket{how="good",le="0.005"} 0
      test_answer_seconds_bucket{how="good",le="0.01"} 0
      test_answer_seconds_bucket{how="good",le="0.025"} 0
      test_answer_seconds_bucket{how="good",le="0.05"} 0
      test_answer_seconds_bucket{how="good",le="0.1"} 0
      test_answer_seconds_bucket{how="good",le="0.25"} 1
      test_answer_seconds_bucket{how="good",le="0.5"} 1
      test_answer_seconds_bucket{how="good",le="1"} 1
      test_answer_seconds_bucket{how="good",le="2.5"} 1
      test_answer_seconds_bucket{how="good",le="5"} 1
      test_answer_seconds_bucket{how="good",le="10"} 1
      test_answer_seconds_bucket{how="good",le="30"} 1
      test_answer_seconds_bucket{how="good",le="60"} 1
      test_answer_seconds_bucket{how="good",le="+Inf"} 1
      # HELP test_calls_total Calls.
      # TYPE test_calls_total counter
      test_calls_total{policy="a\\"\\n\\\\b"} 3
      # HELP test_waiting What waits.
      # TYPE test_waiting gauge
      test_waiting 1.5
      "
    `);
    calls = 5n;
    expect(await metrics.text()).toContain(" 5\n");
  });

  it("does not show what is gone", async () => {
    let policies = ["a", "b"];
    await using metrics = await createMetrics(
      { logger },
      {
        instruments,
        resource,
        collect: (report) => {
          for (const policy of policies) report("test_calls_total", 1, { policy });
        },
      },
    );
    expect(await metrics.text()).toContain('policy="b"');
    policies = ["a"];
    expect(await metrics.text()).not.toContain('policy="b"');
  });

  it("is bounded", async () => {
    await using metrics = await createMetrics(
      { logger },
      {
        instruments,
        resource,
        collect: (report) => {
          for (let i = 0; i < maxSeries + 7; i++)
            report("test_calls_total", 1, { policy: String(i) });
        },
      },
    );
    const text = await metrics.text();
    expect(text.match(/^test_/gm)).toHaveLength(maxSeries);
    expect(text).toContain('gander_metrics_left_out{metric="test_calls_total"} 7\n');
  });
});

describe("the endpoint", () => {
  it("answers at /metrics, and asks once for many who ask at once", async () => {
    const text = vi.fn(async () => "x 1\n");
    let now = 0;
    const handler = createMetricsHandler({ logger, now: () => now }, { text });
    await using server = await serveMetrics(handler, "127.0.0.1:0");
    const get = (path: string, method = "GET") =>
      fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    const answers = await Promise.all([get("/metrics"), get("/metrics?x"), get("/metrics")]);
    for (const answer of answers) expect(await answer.text()).toBe("x 1\n");
    expect(answers[0]?.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toHaveBeenCalledTimes(1);
    now = 1_000;
    await get("/metrics");
    expect(text).toHaveBeenCalledTimes(2);
    expect((await get("/")).status).toBe(404);
    expect((await get("/metrics", "POST")).status).toBe(405);
  });

  it("says so if nothing can be told, and goes on", async () => {
    const text = vi.fn(async () => "x 1\n");
    text.mockRejectedValueOnce(new Error("gone"));
    const handler = createMetricsHandler({ logger: createLogger({ level: "error" }) }, { text });
    await using server = await serveMetrics(handler, "localhost:0");
    const url = `http://localhost:${server.port}/metrics`;
    expect((await fetch(url)).status).toBe(500);
    expect((await fetch(url)).status).toBe(200);
  });

  it("cannot be where another is", async () => {
    await using server = await serveMetrics(() => false, "127.0.0.1:0");
    await expect(serveMetrics(() => false, `127.0.0.1:${server.port}`)).rejects.toThrow(
      /Cannot serve metrics at .*another program listens there/,
    );
  });

  it.each([
    [":2112", undefined],
    ["localhost:2112", undefined],
    ["[::1]:2112", undefined],
    ["2112", '"2112" is not an address such as :2112 or localhost:2112'],
    [":99999", '":99999" is not an address such as :2112 or localhost:2112'],
  ])("knows whether %s is an address", (address, problem) =>
    expect(checkMetricsAddress(address)).toBe(problem),
  );
});

describe("OTLP", () => {
  it("reaches a collector", async () => {
    const received = Promise.withResolvers<{ url: string | undefined; body: Buffer }>();
    const collector = createServer((request, response) => {
      void buffer(request).then((body) => received.resolve({ url: request.url, body }));
      response.writeHead(200).end();
    });
    collector.listen(0, "127.0.0.1");
    await once(collector, "listening");
    using _collector = {
      [Symbol.dispose]() {
        collector.close();
        collector.closeAllConnections();
      },
    };
    const { port } = collector.address() as AddressInfo;
    await using metrics = await createMetrics(
      { logger },
      {
        instruments,
        resource,
        otlpEndpoint: `http://127.0.0.1:${port}/`,
        otlpIntervalMs: 50,
        collect: (report) => report("test_waiting", 7),
      },
    );
    const { url, body } = await received.promise;
    expect(url).toBe("/v1/metrics");
    for (const text of ["test_waiting", "service.name"]) expect(body.includes(text)).toBe(true);
    expect(await metrics.text()).toContain("test_waiting 7\n");
  });

  it.each(["localhost:4318", "", "ftp://x"])("refuses %s", async (otlpEndpoint) =>
    expect(
      createMetrics({ logger }, { instruments, resource, otlpEndpoint, collect: () => {} }),
    ).rejects.toThrow(/--otlp-endpoint: .* is not an address/),
  );
});

it("knows the process", async () => {
  using processes = createProcessMetrics("1.2.3");
  await using metrics = await createMetrics(
    { logger },
    { instruments: processInstruments, resource, collect: (report) => processes.report(report) },
  );
  const text = await metrics.text();
  expect(text).toContain('gander_build_info{version="1.2.3"} 1\n');
  for (const name of Object.keys(processInstruments))
    expect(text).toMatch(new RegExp(`^${name}(\\{.*\\})? [0-9.e+-]+$`, "m"));
});
