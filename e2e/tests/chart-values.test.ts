// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sensorConfiguration } from "@gander/sensor/configuration";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { operatorConfiguration } from "../../packages/operator/src/configuration.ts";
import { chartFiles } from "../../scripts/chart/chart-files.ts";
import { setByTemplates } from "../../scripts/chart/option-values.ts";
import { chartValues } from "../../scripts/chart/values-table.ts";

const chart = join(import.meta.dirname, "../../charts/gander");
const read = (path: string) => readFileSync(join(chart, path), "utf8");
const programs = { operator: operatorConfiguration, sensor: sensorConfiguration } as const;
const names = ["operator", "sensor"] as const;

describe("the generated files of the chart", () => {
  it.each(chartFiles())("$path is up to date", ({ path, text }) =>
    expect(readFileSync(path, "utf8"), "run: node scripts/chart/generate-chart.ts").toBe(text),
  );
});

describe("options of the programs", () => {
  it.each(names)("of the %s are values, or set by the templates", (program) => {
    const flags = Object.keys(programs[program].table.options);
    const values = chartValues.flatMap(({ option }) =>
      option?.program === program ? option.flag : [],
    );
    expect([...values, ...setByTemplates[program]].sort()).toEqual([...flags].sort());
  });

  it.each(names)("of the %s are set by the templates as they promise", (program) => {
    const template = read(`templates/${program}.yaml`);
    // Of no use in a pod, or flags of a single run.
    const without = [
      "kubeconfig",
      "help",
      "config-dir",
      "operator-insecure",
      "operator-server-name",
    ];
    const orders = ["remove-all", "uninstall", "uninstall-timeout"];
    // Fixed names and ports: the defaults.
    const defaults = ["service-name", "sensor-service-account", "token-audience"];
    const others = [...without, ...orders, ...defaults, "node-name"];
    for (const flag of setByTemplates[program])
      if (!others.includes(flag) && !flag.endsWith("-address"))
        expect(template).toContain(`--${flag}=`);
  });

  it("are written as the programs read them", () => {
    for (const { path, option, default: initial } of chartValues) {
      const written = initial ?? option?.programDefault;
      if (option === undefined || written === undefined) continue;
      const text = Array.isArray(written) ? written.join(option.separator) : String(written);
      const { problems } = programs[option.program].load({
        argv: [`--${option.flag}=${text}`],
        env: {},
      });
      expect(problems, path).toBeUndefined();
    }
  });
});

describe("the schema", () => {
  const validate = new Ajv({ allErrors: true, strict: false }).compile(
    JSON.parse(read("values.schema.json")),
  );
  const defaults = parse(read("values.yaml"));

  it("takes the defaults, and all that are comments", () => {
    expect(validate(defaults), JSON.stringify(validate.errors)).toBe(true);
    const all = read("values.yaml").replace(/^( *)# (\w+: .+)$/gm, (line, indent, entry) =>
      chartValues.some(({ path }) => path.endsWith(`.${entry.split(":")[0]}`))
        ? indent + entry
        : line,
    );
    expect(validate(parse(all)), JSON.stringify(validate.errors)).toBe(true);
    expect(Object.keys(parse(all).sensor).length).toBeGreaterThan(40);
  });

  it.each([
    ["a name that does not exist", { sensor: { rbSizes: "8Mi" } }],
    ["a number out of bounds", { sensor: { exportFileMaxSizeMB: 0 } }],
    ["a word that an option does not have", { operator: { webhookFailurePolicy: "deny" } }],
    ["a size that is none", { sensor: { rbSize: "8 MB" } }],
    ["a mount without a path", { sensor: { extraHostPathMounts: [{ name: "tracing" }] } }],
  ])("refuses %s", (_, values) =>
    expect(validate({ ...values, image: { repository: "x" } })).toBe(false),
  );
});

const migrate = readFileSync(join(import.meta.dirname, "../../docs/migrate.md"), "utf8");

describe("docs/migrate.md", () => {
  it("names values that there are", () => {
    const known = chartValues.map(({ path }) => path);
    const named = [
      ...migrate.matchAll(/\b((?:sensor|operator|image)\.(?!yaml)[a-z][\w.]*\w)/g),
    ].map(([, path = ""]) => path);
    expect(named.length).toBeGreaterThan(15);
    // sensor.nodeSelector.gander, operator.prometheus.serviceMonitor
    for (const path of named)
      expect(
        known.some(
          (one) => one === path || one.startsWith(`${path}.`) || path.startsWith(`${one}.`),
        ),
        path,
      ).toBe(true);
  });
});
