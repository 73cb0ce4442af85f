// SPDX-License-Identifier: Apache-2.0
// The chart as Helm renders it, before a real API server: every object is one that it would store, and the
// programs take the flags. Helm is built by `scripts/setup cluster`; without it this file is skipped.
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { sensorConfiguration } from "@gander/sensor/configuration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { operatorConfiguration } from "../../packages/operator/src/configuration.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { createNamespace } from "./lib/cluster-objects.ts";
import { hasHelm, helm } from "./lib/helm.ts";
import { operatorNamespace as namespace } from "./lib/operator-process.ts";

const chart = join(import.meta.dirname, "../../charts/gander");

type Container = { readonly name: string; readonly args: readonly string[] };
type Manifest = {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
  };
};

function render(...sets: readonly string[]): {
  readonly text: string;
  readonly all: readonly Manifest[];
} {
  const values = ["image.repository=registry.example/gander", ...sets].flatMap((one) => [
    "--set",
    one,
  ]);
  const text = execFileSync(
    helm,
    ["template", "gander", chart, "--namespace", namespace, ...values],
    { encoding: "utf8" },
  );
  const all = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  return { text, all: all.filter((one) => one !== null) };
}

const argsOf = (all: readonly Manifest[], kind: string) =>
  all.find((one) => one.kind === kind)?.spec?.template?.spec.containers[0]?.args ?? [];

const everything = [
  ...["networkPolicy.enabled=true", "dashboard.enabled=true", "sensor.prometheus.enabled=true"],
  ...["operator.tls.secretName=tls", "sensor.hostNetwork=false", "onUninstall=keep"],
  ...["sensor.exportRateLimit=1000000", "sensor.rbSize=16Mi", "sensor.exportFilename="],
  ...["sensor.extraHostPathMounts[0].name=t", "sensor.extraHostPathMounts[0].mountPath=/t"],
  ...["operator.podLabels.team=a", "sensor.extraEnv[0].name=A", "sensor.extraEnv[0].value=b"],
  ...["sensor.extraCapabilities[0]=SYS_ADMIN", "sensor.prometheus.serviceMonitor.enabled=true"],
];
const monitors = [
  ...["sensor.prometheus.enabled=true", "prometheusRule.enabled=true"],
  ...["operator", "sensor"].flatMap((program) =>
    ["podMonitor", "serviceMonitor"].map((kind) => `${program}.prometheus.${kind}.enabled=true`),
  ),
];

describe.skipIf(!hasHelm)("the chart", () => {
  let cluster: ControlPlane;
  beforeAll(async () => {
    cluster = await startControlPlane();
    await createNamespace(cluster.client, namespace);
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it.each([
    ["by default", []],
    ["with all that can be enabled", everything],
  ])("is stored %s", async (_, sets) => {
    const { all } = render(...sets);
    // Kinds of the Prometheus operator are not installed here.
    const items = all.filter(({ apiVersion }) => !apiVersion.startsWith("monitoring."));
    expect(items.length).toBeGreaterThan(12);
    const { stdout, stderr } = await cluster.kubectl(
      ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"],
      { input: JSON.stringify({ apiVersion: "v1", kind: "List", items }) },
    );
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toHaveLength(items.length);
  });

  it.each([
    ["by default", []],
    ["with other values", everything],
  ])("gives flags that the programs take %s", (_, sets) => {
    const { all } = render(...sets);
    const programs = [
      ["DaemonSet", sensorConfiguration],
      ["Deployment", operatorConfiguration],
      ["Job", operatorConfiguration],
    ] as const;
    for (const [kind, configuration] of programs) {
      const argv = argsOf(all, kind);
      expect(argv.length, kind).toBeGreaterThan(2);
      expect(configuration.load({ argv, env: {} }).problems, kind).toBeUndefined();
    }
  });

  it("passes numbers, lists and empty texts on as they are meant", () => {
    const argv = argsOf(render(...everything).all, "DaemonSet");
    expect(argv).toContain("--export-rate-limit=1000000");
    expect(argv).toContain("--policies=");
    expect(argv.filter((one) => one.startsWith("--export-filename"))).toEqual([]);
    const { value } = sensorConfiguration.load({ argv, env: {} });
    expect(value?.values).toMatchObject({
      policies: [],
      rbSize: 16 * 1024 ** 2,
      keepSensorsOnExit: true,
    });
  });

  it("has monitors and alerts, and refuses those that would see nothing", () => {
    const kinds = render(...monitors).all.map(({ kind }) => kind);
    for (const [kind, count] of [
      ["PodMonitor", 2],
      ["ServiceMonitor", 2],
      ["PrometheusRule", 1],
    ] as const)
      expect(kinds.filter((one) => one === kind)).toHaveLength(count);
    expect(render().all.some(({ apiVersion }) => apiVersion.startsWith("monitoring."))).toBe(false);
    expect(() => render("sensor.prometheus.podMonitor.enabled=true")).toThrow(
      /sensor.prometheus.enabled/,
    );
  });

  it("runs what uninstalls before anything is deleted, and keeps it out of the release", () => {
    const hooks = render().all.filter(({ metadata }) => metadata.name === "gander-uninstall");
    expect(hooks.map(({ kind }) => kind).sort()).toEqual([
      ...["ClusterRole", "ClusterRoleBinding", "Job", "Role", "RoleBinding", "ServiceAccount"],
    ]);
    for (const { metadata } of hooks)
      expect(metadata.annotations).toMatchObject({ "helm.sh/hook": "pre-delete" });
  });

  it("is put right by a rollback when uninstalling has failed", async () => {
    const inNamespace = ["--namespace", namespace];
    const run = (...argv: readonly string[]) =>
      spawnSync(helm, [...argv, ...inNamespace], {
        encoding: "utf8",
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      });
    const sensor = async () => {
      const get = ["get", "daemonset", "gander-sensor", ...inNamespace, "--output", "json"];
      const { spec } = JSON.parse((await cluster.kubectl(get)).stdout);
      return [spec.template.spec.containers[0].args, spec.updateStrategy.rollingUpdate];
    };
    const install = run("install", "gander", chart, "--set", "image.repository=x.example/gander");
    expect(install.status, install.stderr).toBe(0);
    const installed = await sensor();
    // What the hook does first; here nothing runs its Job, so that it does not end.
    const order = {
      op: "add",
      path: "/spec/template/spec/containers/0/args/-",
      value: "--remove-all",
    };
    const atOnce = { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "100%" } };
    const strategy = { op: "replace", path: "/spec/updateStrategy", value: atOnce };
    await cluster.kubectl([
      ...[
        "patch",
        "daemonset",
        "gander-sensor",
        ...inNamespace,
        "--field-manager=gander-uninstall",
      ],
      ...["--type=json", "--patch", JSON.stringify([order, strategy])],
    ]);
    expect(run("uninstall", "gander", "--timeout=3s").status).toBe(1);
    expect(await sensor()).not.toEqual(installed);
    // The README says so.
    expect(run("upgrade", "gander", chart, "--reuse-values").stderr).toContain(
      "no deployed releases",
    );
    await cluster.kubectl(["delete", "job", "gander-uninstall", ...inNamespace]);
    const rollback = run("rollback", "gander", "1", "--force-conflicts");
    expect(rollback.status, rollback.stderr).toBe(0);
    expect(await sensor()).toEqual(installed);
    expect(run("upgrade", "gander", chart, "--reuse-values").status).toBe(0);
  });

  it("has no fault that helm lint finds", () => {
    const set = ["--set", "image.repository=x"];
    expect(execFileSync(helm, ["lint", "--strict", chart, ...set], { encoding: "utf8" })).toContain(
      "0 chart(s) failed",
    );
  });
});
