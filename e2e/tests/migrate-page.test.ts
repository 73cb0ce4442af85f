// SPDX-License-Identifier: Apache-2.0
// What people bring along from Tetragon: the options of its agent, and the values of its chart.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sensorConfiguration } from "@gander/sensor/configuration";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { migrateValues } from "../../packages/cli/src/migrate/migrate-values.ts";
import { tetragonValues } from "../../packages/cli/src/migrate/tetragon-values.ts";
import { sensorOptions } from "../../packages/sensor/src/configuration/configuration.ts";
import { tetragonOptions } from "../../packages/sensor/src/configuration/tetragon-options.ts";
import { sameNames, withMigrateTables } from "../../scripts/docs/migrate-tables.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The options of Tetragon's agent 1.8. */
const agentOptions = `
  bpf-dir bpf-lib btf cgroup-rate cluster-name config-dir cpuprofile cri-endpoint data-cache-size debug
  deleted-pod-cache-size disable-kprobe-multi disable-process-cache enable-ancestors enable-cgidmap
  enable-cgidmap-debug enable-cgtrackerid enable-cri enable-deprecated-tracingpolicy-grpc enable-event-metrics
  enable-export-aggregation enable-k8s-api enable-msg-handling-latency enable-pid-set-filter enable-pod-annotations
  enable-pod-info enable-policy-filter enable-policy-filter-cgroup-map enable-policy-filter-debug
  enable-process-cred enable-process-environment-variables enable-process-ns enable-tracing-policy-crd
  event-cache-retries event-cache-retry-delay event-queue-size execve-map-entries execve-map-size
  export-aggregation-buffer-size export-aggregation-window-size export-allowlist export-denylist
  export-file-compress export-file-max-backups export-file-max-size-mb export-file-perm
  export-file-rotation-interval export-filename export-rate-limit expose-stack-addresses field-filters
  filter-environment-variables force-large-progs force-small-progs generate-docs gops-address
  health-server-address health-server-interval k8s-controlplane-retry k8s-kubeconfig-path keep-sensors-on-exit
  kernel log-file log-format log-level memprofile metrics-label-filter metrics-server netns-dir
  parents-map-enabled parents-map-entries parents-map-size persist-grpc-policies persist-grpc-policies-dir
  pprof-address process-cache-gc-interval process-cache-size procfs rb-queue-size rb-size rb-size-total
  redaction-filters release-pinned-bpf retprobes-cache-size server-address server-tls-cert-file
  server-tls-client-ca-files server-tls-key-file server-tls-require-client-cert sleepable-preload-size
  tracing-policy tracing-policy-dir use-perf-ring-buffer username-metadata verbose
`.match(/\S+/g) as readonly string[];

const sentence = /^[A-Z`-][^.]*( .*)?\.$/s;
const load = (
  argv: readonly string[],
  files: Parameters<typeof sensorConfiguration.load>[0]["files"] = [],
) => sensorConfiguration.load({ argv, env: {}, files });
const aliases = Object.entries(sensorOptions).flatMap(([name, option]) =>
  ("aliases" in option ? option.aliases : []).map((alias) => [alias, name] as const),
);
const translated = Object.entries(tetragonOptions).flatMap(([name, option]) =>
  "is" in option ? [[name, option] as const] : [],
);
const refused = Object.entries(tetragonOptions).flatMap(([name, option]) =>
  "instead" in option ? [[name, option] as const] : [],
);

describe("docs/migrate.md", () => {
  it("is up to date", () => {
    const page = read("docs/migrate.md");
    expect(page, "run: node scripts/docs/generate-migrate.ts").toBe(withMigrateTables(page));
  });
});

describe("options of Tetragon's agent", () => {
  it("are all known, once", () => {
    const known = [
      ...sameNames(),
      ...aliases.map(([alias]) => alias),
      ...Object.keys(tetragonOptions),
    ];
    expect(known.toSorted()).toEqual(agentOptions.toSorted());
  });

  it.each(aliases)("--%s is --%s, as a flag and in a file", (alias, name) => {
    const text = sensorOptions[name as keyof typeof sensorOptions].type === "size" ? "65536" : "/x";
    const own = load([`--${name}`, text]);
    expect(own.problems).toBeUndefined();
    expect(load([`--${alias}`, text]).value?.values).toEqual(own.value?.values);
    const inFile = load([], [{ option: alias, texts: [text], origin: "a file" }]);
    expect(inFile.value?.values).toEqual(own.value?.values);
  });

  it.each(translated)("--%s does the same here", (name, { is, texts = {}, boolean }) => {
    const [text, here] = Object.entries(texts)[0] ?? ["/x", "/x"];
    const own = load([`--${is}=${here}`]).value?.values;
    expect(own).toBeDefined();
    expect(load([`--${name}=${text}`]).value?.values).toEqual(own);
    if (boolean === true) expect(load([`--${name}`]).value?.values).toEqual(own);
    expect(load([], [{ option: name, texts: [text], origin: "f" }]).value?.values).toEqual(own);
  });

  it.each(refused)("--%s is refused with what to do", (name, { instead, boolean }) => {
    expect(instead).toMatch(sentence);
    for (const flag of instead.match(/--[a-z-]+/g) ?? [])
      expect([
        ...Object.keys(sensorOptions).map((one) => `--${one}`),
        "--event-pod-annotations",
        "--operator",
        "--cpu-prof",
        "--heap-prof",
        "--help",
      ]).toContain(flag);
    const argv = boolean === true ? [`--${name}`] : [`--${name}`, "value"];
    const { problems = [] } = load(argv);
    expect(problems.map(({ message, hint }) => ({ message, hint }))).toEqual([
      { message: `--${name}: Gander has no option "${name}"`, hint: instead },
    ]);
  });
});

describe("values of Tetragon's chart", () => {
  const accepts = new Ajv({ strict: false }).compile(
    JSON.parse(read("charts/gander/values.schema.json")),
  );
  const defaults: unknown = parse(read("charts/gander/values.yaml"));

  it("become values that the chart has", () => {
    for (const rule of Object.values(tetragonValues))
      if ("to" in rule && !commented(rule.to)) expect(at(defaults, rule.to), rule.to).toBeDefined();
  });

  it("and flags become others, or are listed", () => {
    const { values, remarks } = migrateValues({
      tolerations: [{ operator: "Exists" }],
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2 } },
      crds: { installMethod: "helm" },
      tetragon: {
        debug: true,
        exportDenyList: '{"health_check":true}',
        processCacheSize: 100_000,
        image: { override: "x" },
        prometheus: { enabled: true, serviceMonitor: { enabled: true } },
        extraArgs: {
          "rb-size-total": "16M",
          "gops-address": ":1",
          "enable-policy-filter-debug": "",
        },
        somethingNew: { deep: 1 },
      },
      tetragonOperator: { replicas: 3 },
    });
    expect(values).toEqual({
      operator: { replicas: 3 },
      sensor: {
        exportDenyList: '{"health_check":true}',
        extraArgs: ["--rb-size=16M", "--log-level=debug"],
        logLevel: "debug",
        maxUnavailable: 2,
        processCacheSize: 100_000,
        prometheus: { enabled: true, serviceMonitor: { enabled: true } },
        tolerations: [{ operator: "Exists" }],
      },
    });
    expect(remarks.map(({ path }) => path)).toEqual([
      "crds",
      "tetragon.image",
      "tetragon.extraArgs.gops-address",
      "tetragon.somethingNew.deep",
    ]);
    expect(accepts({ ...values, image: { repository: "r" } }), JSON.stringify(accepts.errors)).toBe(
      true,
    );
    const flags = load((values.sensor as { extraArgs: string[] }).extraArgs);
    expect(flags.problems).toBeUndefined();
  });

  it("cannot name what is not theirs", () => {
    const hostile = JSON.parse(
      '{"__proto__":{"a":1},"tetragon":{"extraArgs":{"__proto__":"1","x":"1"}}}',
    );
    const { values, remarks } = migrateValues(hostile);
    expect(values).toEqual({});
    expect(remarks.map(({ path }) => path).toSorted()).toEqual([
      "__proto__.a",
      "tetragon.extraArgs.__proto__",
      "tetragon.extraArgs.x",
    ]);
  });
});

const commented = (path: string) =>
  read("charts/gander/values.yaml").includes(`# ${path.split(".").at(-1)}:`);

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split(".")) found = (found as Record<string, unknown> | undefined)?.[key];
  return found;
}
