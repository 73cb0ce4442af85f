// SPDX-License-Identifier: Apache-2.0

/** What becomes of a value of Tetragon's chart. */
export type ValueRule =
  | {
      /** Of our chart. */
      readonly to: string;
      /** Its value for ours; left out: the same. */
      readonly change?: (value: unknown) => unknown;
      /** For people. */
      readonly remark?: string;
    }
  | { readonly none: string };

const sameOfSensor = [
  ...["exportFilename", "exportFilePerm", "exportFileMaxSizeMB", "exportFileMaxBackups"],
  ...["exportFileCompress", "exportFileRotationInterval", "exportRateLimit", "exportAllowList"],
  ...["exportDenyList", "fieldFilters", "redactionFilters", "clusterName", "processCacheSize"],
  ...["eventQueueSize", "enableProcessCred", "enableProcessNs", "enableAncestors"],
  ...["enableKeepSensorsOnExit", "resources", "extraEnv", "prometheus.enabled"],
  ...["prometheus.port", "prometheus.serviceMonitor.enabled"],
  ...["prometheus.serviceMonitor.scrapeInterval"],
];

const ofPods = ["nodeSelector", "tolerations", "affinity", "priorityClassName", "podAnnotations"];
const ofSensorPods = [...ofPods, "podLabels", "hostNetwork", "extraHostPathMounts"];
const ofOperator = [...ofPods, "podLabels", "replicas", "resources", "extraEnv"];
const monitor = ["enabled", "scrapeInterval"].map((name) => `prometheus.serviceMonitor.${name}`);

const each = (names: readonly string[], from: string, to: string) =>
  names.map((name) => [`${from}${name}`, { to: `${to}${name}` }] as const);

const none = (names: readonly string[], why: string) =>
  names.map((name) => [name, { none: why }] as const);

const metricsAreOff = "metrics of the operator are always served";
const fromOperator = "pods are known from their cgroups and the operator";

/** By the value's path; a rule is also for what is below its path, if there is no longer one. */
export const tetragonValues: Readonly<Record<string, ValueRule>> = Object.fromEntries<ValueRule>([
  ...each(sameOfSensor, "tetragon.", "sensor."),
  ...each(ofSensorPods, "", "sensor."),
  ...each([...ofOperator, ...monitor], "tetragonOperator.", "operator."),
  [
    "tetragon.prometheus.serviceMonitor.labelsOverride",
    { to: "sensor.prometheus.serviceMonitor.extraLabels" },
  ],
  [
    "tetragon.prometheus.serviceMonitor.extraLabels",
    { to: "sensor.prometheus.serviceMonitor.extraLabels" },
  ],
  [
    "tetragonOperator.prometheus.serviceMonitor.extraLabels",
    { to: "operator.prometheus.serviceMonitor.extraLabels" },
  ],
  ["imagePullSecrets", { to: "imagePullSecrets" }],
  ["imagePullPolicy", { to: "image.pullPolicy" }],
  [
    "updateStrategy",
    {
      to: "sensor.maxUnavailable",
      change: (strategy) => at(strategy, ["rollingUpdate", "maxUnavailable"]),
    },
  ],
  [
    "tetragon.debug",
    { to: "sensor.logLevel", change: (debug) => (debug === true ? "debug" : "info") },
  ],
  [
    "tetragon.grpc.address",
    {
      to: "sensor.serverAddress",
      remark: "a socket of Tetragon's would be at its path: leave the value out for Gander's own",
    },
  ],
  [
    "tetragon.healthGrpc.port",
    { to: "sensor.healthPort", remark: "HTTP: /healthz and /readyz, not gRPC" },
  ],
  [
    "tetragon.podAnnotations.enabled",
    { to: "operator.eventPodAnnotations", remark: "names the annotations; empty is none" },
  ],
  [
    "export.mode",
    { to: "sensor.exportFilename", change: (mode) => (mode === "stdout" ? "-" : "") },
  ],
  ...none(
    ["tetragon.image", "tetragonOperator.image"],
    "set image.repository: it holds both images, REPOSITORY/sensor and REPOSITORY/operator",
  ),
  ...none(["enabled", "tetragon.enabled", "tetragonOperator.enabled"], "both parts are installed"),
  ...none(["crds"], "install the chart gander-crds"),
  ...none(["tetragon.enablePolicyFilter", "tetragon.enableTracingPolicyCRD"], "always on"),
  ...none(["tetragon.enableK8sAPI"], fromOperator),
  ...none(["tetragon.cri", "tetragon.cgidmap", "rthooks"], fromOperator),
  ...none(["tetragon.pprof", "tetragon.gops"], "Node's own tools serve"),
  ...none(["tetragon.prometheus.metricsLabelFilter"], "metrics have no labels of workloads"),
  ...none(["tetragon.enableMsgHandlingLatency"], "see gander_event_loop_delay_seconds"),
  ...none(
    [
      "tetragon.processCacheGCInterval",
      "tetragon.eventCacheRetries",
      "tetragon.eventCacheRetryDelay",
    ],
    "not needed",
  ),
  ...none(
    ["tetragonOperator.prometheus.enabled", "tetragonOperator.prometheus.port"],
    metricsAreOff,
  ),
  ...none(["tetragonOperator.podInfo", "podInfo"], "there is no object for each pod"),
  ...none(["tetragon.hostProcPath"], "the sensor is in the host's pid namespace"),
  ...none(
    ["tetragon.securityContext", "podSecurityContext"],
    "the chart gives the capabilities that are needed; see sensor.extraCapabilities",
  ),
  ...none(
    ["exportDirectory", "export.stdout", "export.filenames"],
    "sensor.exportFilename is the pod's log by default, without a side-car",
  ),
  ...none(["daemonSetAnnotations", "daemonSetLabelsOverride"], "the chart sets its own"),
  ...none(["serviceAccount", "tetragonOperator.serviceAccount"], "the chart makes its own"),
]);

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path)
    found =
      typeof found === "object" && found !== null
        ? (found as Record<string, unknown>)[key]
        : undefined;
  return found;
}
