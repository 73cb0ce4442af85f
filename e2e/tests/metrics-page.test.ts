// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { operatorInstruments } from "../../packages/operator/src/metrics/operator-instruments.ts";
import { sensorInstruments } from "../../packages/sensor/src/metrics/sensor-instruments.ts";
import { metricsPage } from "../../scripts/docs/metrics-page.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
const instruments = { ...sensorInstruments, ...operatorInstruments };

describe("docs/metrics.md", () => {
  it("is up to date", () =>
    expect(page, "run: node scripts/docs/generate-metrics-page.ts").toBe(metricsPage()));

  it("asks for metrics and labels that there are", () => {
    const names = [...page.matchAll(/\b(?:gander|tetragon)_[a-z_]*[a-z]\b/g)].map(([name]) =>
      name.replace(/_(?:bucket|count|sum)$/, ""),
    );
    for (const name of names) expect(Object.keys(instruments)).toContain(name);
    const asked = [...page.matchAll(/\b(gander_\w+)\{(\w+)=/g)];
    expect(asked.length).toBeGreaterThan(3);
    for (const [, name = "", label = ""] of asked)
      expect(instruments[name as keyof typeof instruments]).toHaveProperty(["labels", label]);
  });
});

describe("names of metrics", () => {
  it.each(Object.entries(instruments))("%s is as Prometheus wants it", (name, { kind, help }) => {
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(name.endsWith("_total")).toBe(kind === "counter");
    if (kind === "histogram") expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/\.$/);
  });
});
