// SPDX-License-Identifier: Apache-2.0
// The alerts and the dashboard of the chart ask only for what the programs report.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LRParser } from "@lezer/lr";
import { parser } from "@prometheus-io/lezer-promql";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { operatorInstruments } from "../../packages/operator/src/metrics/operator-instruments.ts";
import { sensorInstruments } from "../../packages/sensor/src/metrics/sensor-instruments.ts";

const chart = join(import.meta.dirname, "../../charts/gander");
const read = (path: string) => readFileSync(join(chart, path), "utf8");
/** Of the API server (k8s.io/apiserver, pkg/admission/metrics). */
const ofApiServer = {
  apiserver_admission_webhook_fail_open_count: {
    kind: "counter",
    labels: { name: "`sessions.gander.dev`", type: "" },
  },
};
const instruments = { ...sensorInstruments, ...operatorInstruments, ...ofApiServer } as Readonly<
  Record<string, { readonly kind: string; readonly labels?: Readonly<Record<string, string>> }>
>;
/** Labels of the target, by the monitors of the chart and by Prometheus itself. */
const ofTarget = ["node", "instance", "pod", "job"];

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};
const { groups } = parse(read("alerts/gander.yaml")) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("dashboards/gander.json")) as {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
};
const targets = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map((target) => ({ title, ...target })),
);

/** What Grafana fills in. */
const filled = (expr: string) => expr.replaceAll("$__rate_interval", "5m");

/** Names of metrics, label matchers and grouping labels of an expression. Throws if it is no PromQL. */
function readExpression(expr: string) {
  expect(parser).toBeInstanceOf(LRParser);
  const found = {
    metrics: [] as string[],
    matched: [] as [string, string][],
    grouped: [] as string[],
  };
  let metric = "";
  parser.parse(expr).iterate({
    enter: ({ name, node, from, to }) => {
      const text = expr.slice(from, to);
      if (node.type.isError) throw new Error(`No PromQL at ${from}: ${expr}`);
      if (name === "VectorSelector") {
        metric = node.getChild("Identifier") ? (/^\w+/.exec(text)?.[0] ?? "") : "";
        found.metrics.push(metric);
      }
      if (name === "UnquotedLabelMatcher")
        found.matched.push([metric, /^\w+/.exec(text)?.[0] ?? ""]);
      if (name === "GroupingLabels") found.grouped.push(...(text.match(/\w+/g) ?? []));
    },
  });
  return found;
}

const metricOf = (name: string) =>
  instruments[name.replace(/_(?:bucket|count|sum)$/, "")] ?? instruments[name];

function checkExpression(expr: string): void {
  const { metrics, matched, grouped } = readExpression(expr);
  expect(metrics.length, expr).toBeGreaterThan(0);
  for (const name of metrics) expect(metricOf(name), name).toBeDefined();
  for (const [name, label] of matched)
    expect([...ofTarget, ...Object.keys(metricOf(name)?.labels ?? {})], expr).toContain(label);
  const labels = metrics.flatMap((name) => Object.keys(metricOf(name)?.labels ?? {}));
  for (const label of grouped) expect([...ofTarget, "le", ...labels], expr).toContain(label);
}

describe("the alerts", () => {
  it("are those that an administrator should know of", () =>
    expect(rules.map(({ alert }) => alert)).toEqual(
      expect.arrayContaining([
        "GanderPolicyNotInForce",
        "GanderPolicyInvalid",
        "GanderCallsNotJudged",
        "GanderSensorsAway",
        "GanderEventsLost",
        "GanderNoLeader",
      ]),
    ));

  it.each(rules)("$alert asks for metrics and labels that there are", ({ expr }) =>
    checkExpression(expr),
  );

  it.each(rules)(
    "$alert says what is wrong, with labels that it has",
    ({ expr, labels, annotations }) => {
      expect(["warning", "critical"]).toContain(labels.severity);
      const { grouped } = readExpression(expr);
      const used = Object.values(annotations).flatMap((text) =>
        [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label),
      );
      for (const label of used) expect(grouped, expr).toContain(label);
      expect(annotations.description).toMatch(/[.?]$/);
    },
  );

  it("ask for values of labels that metrics have", () => {
    for (const { expr } of rules)
      for (const [, metric = "", label = "", values = ""] of expr.matchAll(
        /(\w+)\{(\w+)=~?"([^"]+)"\}/g,
      ))
        for (const one of values.split("|"))
          expect(metricOf(metric)?.labels?.[label], `${metric} ${label} ${one}`).toMatch(
            new RegExp(
              label === "state" && metric === "gander_policy_state" ? "as in" : `\`${one}\``,
            ),
          );
  });

  it("would be noticed if they asked for what is not there", () => {
    expect(() => checkExpression("sum(gander_nothing) > 0")).toThrow();
    expect(() => checkExpression('gander_events_lost_total{why="x"} > 0')).toThrow();
    expect(() => checkExpression("sum by (why) (gander_events_lost_total) > 0")).toThrow();
    expect(() => checkExpression("sum by (gander_events_lost_total > 0")).toThrow();
  });
});

describe("the dashboard", () => {
  it.each(targets)(
    "$title: $legendFormat shows metrics and labels that there are",
    ({ expr, legendFormat }) => {
      checkExpression(filled(expr));
      const { grouped, metrics } = readExpression(filled(expr));
      const labels = [
        ...ofTarget,
        ...grouped,
        ...metrics.flatMap((name) => Object.keys(metricOf(name)?.labels ?? {})),
      ];
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        expect(labels).toContain(label);
    },
  );

  it("has panels beside and below each other", () => {
    const places = dashboard.panels.map((panel) => JSON.stringify(Reflect.get(panel, "gridPos")));
    expect(new Set(places).size).toBe(places.length);
    expect(targets.length).toBeGreaterThan(10);
  });
});
