// SPDX-License-Identifier: Apache-2.0
import {
  modes,
  readLibrary,
  selectionWords,
} from "../../packages/policy-test/src/library/index.ts";
import type { ChartValue, Schema } from "./chart-value.ts";

const text: Schema = { type: "string" };
const yes: Schema = { type: "boolean" };
const map: Schema = { type: "object" };
const list: Schema = { type: "array" };
const port: Schema = { type: "integer", minimum: 1, maximum: 65_535 };
const labels: Schema = { type: "object", additionalProperties: { type: "string" } };
const args: Schema = { type: "array", items: { type: "string", pattern: "^--[a-z]" } };
const amount: Schema = { type: ["string", "integer"] };
const interval: Schema = { type: "string", pattern: "^[0-9]+(ms|s|m|h)$" };

const value = (path: string, initial: unknown, schema: Schema, help: string): ChartValue => ({
  path,
  default: initial,
  schema,
  help,
});

/** The values of the image, before all others. */
export const imageValues: readonly ChartValue[] = [
  value(
    "image.repository",
    "",
    text,
    "Where you keep the images: REPOSITORY/sensor and REPOSITORY/operator. Must be set.",
  ),
  value("image.tag", "", text, "The chart's appVersion if empty."),
  value(
    "image.pullPolicy",
    "IfNotPresent",
    { enum: ["Always", "IfNotPresent", "Never"] },
    "When nodes pull the image.",
  ),
  value(
    "imagePullSecrets",
    [],
    { type: "array", items: map },
    "Names of Secrets for the registry.",
  ),
];

/** The values of the operator that are no options of its program. */
export const operatorValues: readonly ChartValue[] = [
  value(
    "operator.replicas",
    2,
    { type: "integer", minimum: 1 },
    "Every replica serves sensors; one writes.",
  ),
  value(
    "operator.tls.secretName",
    "",
    text,
    "A Secret with `tls.crt`, `tls.key` and `ca.crt`, such as cert-manager's, for `gander-operator.NAMESPACE.svc`. Empty: the operator makes and renews its own.",
  ),
  value(
    "operator.resources",
    { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1536Mi" } },
    map,
    "One replica with all of 5,000 nodes and 150,000 pods was measured at 1,011 MiB.",
  ),
  value(
    "operator.podDisruptionBudget.maxUnavailable",
    1,
    amount,
    "How many replicas a drain may stop at a time.",
  ),
  ...podValues("operator", { priorityClassName: "", tolerations: [] }),
  value(
    "operator.affinity",
    {},
    map,
    "Empty: replicas prefer different nodes. They are also spread over nodes and zones.",
  ),
  ...monitorValues("operator"),
];

/** The values of the sensor that are no options of its program. */
export const sensorValues: readonly ChartValue[] = [
  value(
    "sensor.hostNetwork",
    true,
    yes,
    "Sensors start before the pod network is up, and reach the operator without it.",
  ),
  value(
    "sensor.healthPort",
    6790,
    port,
    "Where the kubelet asks whether the sensor runs and is ready; with hostNetwork only the node itself reaches it.",
  ),
  value(
    "sensor.extraCapabilities",
    [],
    { type: "array", items: { type: "string", pattern: "^[A-Z_]+$" } },
    "Where `kernel.perf_event_paranoid` is 3 or more, kprobes and classic tracepoints need `SYS_ADMIN`.",
  ),
  value(
    "sensor.runtimeFolders",
    [
      "/run/containerd/io.containerd.runtime.v2.task",
      "/run/k3s/containerd/io.containerd.runtime.v2.task",
      "/run/k0s/containerd/io.containerd.runtime.v2.task",
      "/run/containers/storage/overlay-containers",
    ],
    { type: "array", uniqueItems: true, items: { type: "string", pattern: "^/[^:]+$" } },
    "Folders of the node in which container runtimes (containerd; that of k3s and RKE2; of k0s; CRI-O) keep the configurations of containers, for `containerConfigurations`. Those that do not exist are created empty.",
  ),
  value(
    "sensor.extraHostPathMounts",
    [],
    {
      type: "array",
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "mountPath"],
        properties: {
          name: { type: "string", pattern: "^[a-z0-9-]+$" },
          mountPath: { type: "string", pattern: "^/" },
          readOnly: yes,
          mountPropagation: { enum: ["None", "HostToContainer", "Bidirectional"] },
        },
      },
    },
    "Further folders of the node, mounted at the same path, such as `/sys/kernel/tracing` where the runtime does not mount it together with `/sys/kernel`. Read-only unless `readOnly: false`.",
  ),
  value(
    "sensor.resources",
    { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
    map,
    "Of each sensor.",
  ),
  value(
    "sensor.maxUnavailable",
    "10%",
    amount,
    "How many nodes get a new version of the sensor at once. Enforcement continues meanwhile.",
  ),
  ...podValues("sensor", {
    priorityClassName: "system-node-critical",
    tolerations: [{ operator: "Exists" }],
  }),
  value(
    "sensor.affinity",
    {},
    map,
    "Keeps sensors away from nodes. A node without a sensor is a node without policies: by default no taint keeps them away.",
  ),
  value(
    "sensor.prometheus.enabled",
    false,
    yes,
    "Serve metrics, in plain HTTP, to everybody who reaches the port; with hostNetwork at the address of the node.",
  ),
  value(
    "sensor.prometheus.port",
    2112,
    port,
    "Where. Tetragon's agent has the same port by default.",
  ),
  ...monitorValues("sensor"),
];

/** Which policies of the library are installed, and how. */
export const libraryValues: readonly ChartValue[] = [
  value(
    "policies.packs",
    [],
    {
      type: "array",
      uniqueItems: true,
      items: { enum: selectionWords(readLibrary()) },
    },
    "Policies of the library (docs/library) that are installed: by level (`guard`, `strict`, `observe`), pack (`container-escape`) or name (`mining`).",
  ),
  value(
    "policies.mode",
    "monitor",
    { enum: modes },
    "`monitor`: they deny and kill nothing, and what they would have done is counted and reported. `enforce`: they do it.",
  ),
  value(
    "policies.sets",
    {},
    {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(
        readLibrary().flatMap(({ sets }) =>
          sets.map(({ name }) => [name, { type: "array", minItems: 1, items: text }]),
        ),
      ),
    },
    "Values of named sets in the place of the library's: `internal-networks` (what `outside-the-cluster` allows), `cloud-metadata`.",
  ),
];

/** The values of the objects around both. */
export const clusterValues: readonly ChartValue[] = [
  value(
    "onUninstall",
    "remove",
    { enum: ["remove", "keep"] },
    "What `helm uninstall` does first. `remove`: sensors remove everything from their nodes; if one can't, uninstalling fails and names the node. `keep`: nodes go on enforcing what they have. Objects that the operator has made are deleted in both cases.",
  ),
  value(
    "uninstallTimeout",
    "4m",
    { type: "string", pattern: "^[0-9]+(s|m|h)$" },
    "How long it waits for nodes. Helm itself waits for 5 minutes (`--timeout`).",
  ),
  value(
    "networkPolicy.enabled",
    false,
    yes,
    "NetworkPolicies: others reach only the operator's ports, and it reaches only the API server, other replicas, DNS and `networkPolicy.extraEgress`. Sensors in the network of the node are not subject to them.",
  ),
  value(
    "networkPolicy.apiServerPorts",
    [443, 6443],
    { type: "array", items: port },
    "Ports of the API server, as pods see it after the Service has been resolved.",
  ),
  value(
    "networkPolicy.metricsFrom",
    [],
    list,
    "Peers that may read metrics, as in a NetworkPolicy; none: everybody may.",
  ),
  value(
    "networkPolicy.extraEgress",
    [],
    list,
    "Further rules, such as for the collector of `otlpEndpoint`.",
  ),
  value(
    "prometheusRule.enabled",
    false,
    yes,
    "Alerts, for the Prometheus operator. Those about events and calls need `sensor.prometheus.enabled`.",
  ),
  value("prometheusRule.extraLabels", {}, labels, "By which Prometheus selects the rules."),
  value("dashboard.enabled", false, yes, "A dashboard for Grafana, in a ConfigMap."),
  value(
    "dashboard.extraLabels",
    { grafana_dashboard: "1" },
    labels,
    "By which Grafana's side-car finds it.",
  ),
];

function podValues(
  program: "operator" | "sensor",
  initial: { readonly priorityClassName: string; readonly tolerations: readonly unknown[] },
): readonly ChartValue[] {
  const of = (name: string) => `${program}.${name}`;
  return [
    value(of("priorityClassName"), initial.priorityClassName, text, "Of its pods."),
    value(of("nodeSelector"), {}, labels, "Of its pods."),
    value(of("tolerations"), initial.tolerations, list, "Of its pods."),
    value(of("podAnnotations"), {}, labels, "Of its pods."),
    value(of("podLabels"), {}, labels, "Of its pods."),
    value(
      of("extraEnv"),
      [],
      { type: "array", items: map },
      "Further environment variables, as in a container.",
    ),
    value(of("extraArgs"), [], args, "Further flags, after those that values set."),
  ];
}

function monitorValues(program: "operator" | "sensor"): readonly ChartValue[] {
  const of = (name: string) => `${program}.prometheus.${name}`;
  return ["podMonitor", "serviceMonitor"].flatMap((kind) => [
    value(
      of(`${kind}.enabled`),
      false,
      yes,
      `A ${kind === "podMonitor" ? "PodMonitor" : "ServiceMonitor"} for the Prometheus operator. One of the two kinds is enough.`,
    ),
    value(of(`${kind}.scrapeInterval`), "30s", interval, "How often metrics are read."),
    value(of(`${kind}.extraLabels`), {}, labels, "By which Prometheus selects the monitor."),
  ]);
}
