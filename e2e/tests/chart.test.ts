// SPDX-License-Identifier: Apache-2.0
// The chart beside what it runs: flags, values and names that would only be missed in a cluster.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sensorConfiguration } from "@gander/sensor/configuration";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { operatorConfiguration } from "../../packages/operator/src/configuration.ts";
import { chartValues } from "../../scripts/chart/values-table.ts";

const chart = join(import.meta.dirname, "../../charts/gander");
const read = (path: string) => readFileSync(join(chart, path), "utf8");
const templates = new Map(
  globSync("templates/*", { cwd: chart }).map((path) => [path, read(path)]),
);
const template = (name: string) => {
  const text = templates.get(`templates/${name}`);
  if (text === undefined) throw new Error(`There is no ${name}`);
  return text;
};
const values: unknown = parse(read("values.yaml"));

/** `a.b.c` → what stands there; undefined: nothing. */
const at = (object: unknown, path: string): unknown =>
  path
    .split(".")
    .reduce<unknown>((one, key) => (one as Record<string, unknown> | undefined)?.[key], object);

const valuesUsed = (text: string) =>
  [...text.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path = ""]) => path);

/** The flags that a template gives, with something for what is filled in. */
const flagsOf = (text: string) =>
  [...text.matchAll(/^ +- (--[a-z-]+)(=\S.*)?$/gm)].map(([, name = "", value = ""]) => ({
    name,
    isSet: value !== "",
  }));

describe("the chart", () => {
  it("uses the values that there are, and all of them", () => {
    const used = [...templates.values()].flatMap(valuesUsed);
    const known = chartValues.map(({ path }) => path);
    for (const path of used)
      expect(
        known.some((one) => one === path || one.startsWith(`${path}.`)),
        path,
      ).toBe(true);
    // The flags of options are generated with their values; monitors are read in a loop over the programs.
    const others = chartValues.filter(
      ({ option, path }) => option === undefined && !/Monitor\./.test(path),
    );
    for (const { path } of others) expect(used, path).toContain(path);
  });

  it.each([
    ["operator.yaml", operatorConfiguration],
    ["sensor.yaml", sensorConfiguration],
  ])("%s gives flags that the program has", (name, configuration) => {
    const help = configuration.help(200);
    const flags = flagsOf(template(name));
    expect(flags.length).toBeGreaterThan(2);
    for (const flag of flags) {
      const line = help.split("\n").find((one) => new RegExp(`${flag.name}(\\s|$)`).test(one));
      expect(line, flag.name).toBeDefined();
    }
  });

  it("sets what the operator has by default to what the chart says, in words that it takes", () => {
    const { rollout, logLevel, webhookFailurePolicy } = at(values, "operator") as {
      readonly rollout: Readonly<Record<string, string>>;
      readonly logLevel: string;
      readonly webhookFailurePolicy: string;
    };
    const argv = [
      `--rollout=${rollout.strategy}`,
      `--canary=${rollout.canary}`,
      `--canary-duration=${rollout.canaryDuration}`,
      `--webhook-failure-policy=${webhookFailurePolicy}`,
      `--log-level=${logLevel}`,
    ];
    const given = operatorConfiguration.load({ argv, env: {} });
    const plain = operatorConfiguration.load({ argv: [], env: {} });
    expect(given.value?.values).toEqual(plain.value?.values);
    expect(given.value).toBeDefined();
  });

  it.each([
    ["operator.yaml", "metrics"],
    ["sensor.yaml", "health"],
  ])("%s has probes that start no program and wait longer than a second", (name, port) => {
    const text = template(name);
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
      const [, body = ""] = new RegExp(`${probe}:\n((?: {12}.*\n)+)`).exec(text) ?? [];
      const path = probe === "readinessProbe" ? "/readyz" : "/healthz";
      expect(body, probe).toContain(`httpGet: { path: ${path}, port: ${port}`);
      expect(Number(/timeoutSeconds: (\d+)/.exec(body)?.[1]), probe).toBeGreaterThan(1);
    }
    expect(text).not.toMatch(/exec:/);
  });

  it("says of each right what it is for", () => {
    for (const path of globSync("rbac/*.yaml", { cwd: chart })) {
      const text = read(path);
      for (const rule of parse(text) as readonly { readonly verbs: readonly string[] }[])
        expect(rule.verbs).not.toContain("*");
      // A rule follows a comment, or another rule of the same purpose.
      expect(text.split("\n")[1]).toMatch(/^# /);
    }
  });

  it("mounts the folders of runtimes that the sensor reads, and no socket of theirs", () => {
    const folders = at(values, "sensor.runtimeFolders") as readonly string[];
    const read = sensorConfiguration.load({ argv: [], env: {} }).value?.values;
    const below = read?.containerConfigurations.filter((path) => path.startsWith("/run/")) ?? [];
    expect(below.length).toBeGreaterThan(3);
    for (const path of below)
      expect(
        folders.some((one) => path.startsWith(`${one}/`)),
        path,
      ).toBe(true);
    for (const folder of folders)
      expect(
        below.some((path) => path.startsWith(`${folder}/`)),
        folder,
      ).toBe(true);
    // Where containerd, its shims and CRI-O listen.
    const sockets = [
      "/run/containerd/containerd.sock",
      "/run/containerd/s/x",
      "/run/crio/crio.sock",
    ];
    for (const path of [
      ...sockets,
      "/run/k3s/containerd/containerd.sock",
      "/run/k0s/containerd.sock",
    ])
      expect(
        folders.some((one) => path.startsWith(`${one}/`)),
        path,
      ).toBe(false);
  });

  it("names ports, accounts and objects as the programs do", () => {
    const defaults = operatorConfiguration.load({ argv: [], env: {} }).value?.values;
    for (const address of [
      defaults?.sensorAddress,
      defaults?.apiAddress,
      defaults?.webhookAddress,
      defaults?.metricsAddress,
    ])
      expect(template("operator.yaml")).toContain(`containerPort: ${address?.slice(1)} }`);
    expect(template("sensor.yaml")).toContain(`name: ${defaults?.sensorServiceAccount}\n`);
    expect(template("sensor.yaml")).toContain(`audience: ${defaults?.tokenAudience}\n`);
    expect(template("sensor.yaml")).toContain(
      `${defaults?.serviceName}.{{ .Release.Namespace }}.svc`,
    );
  });
});
