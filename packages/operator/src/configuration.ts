// SPDX-License-Identifier: Apache-2.0
import { defineConfiguration, type Values } from "@gander/base";
import { parseListenAddress } from "./listen-address.ts";
import { parseCanarySize } from "./policies/rollout-settings.ts";

/** Every setting of the operator: the one source of flags, `GANDER_…` variables, files, `--help` and docs. */
export const operatorOptions = {
  kubeconfig: {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "How to reach the API server. Default: KUBECONFIG, ~/.kube/config, or in a pod its service account.",
    group: "Cluster",
  },
  namespace: {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "The operator's namespace: for its Lease, its Secret, its ConfigMap and the sensors' service account. Default: that of the credentials.",
    group: "Cluster",
  },
  "pod-name": {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "Identifies this replica among the others. Default: the host's name.",
    group: "Cluster",
  },
  "service-name": {
    type: "text",
    default: "gander-operator",
    placeholder: "NAME",
    help: "The Service in front of all replicas; the certificate is for this name.",
    group: "Cluster",
  },
  "lease-duration": {
    type: "duration",
    default: 15_000,
    min: 3_000,
    max: 600_000,
    help: "How long the leader must be silent before another replica takes over writing.",
    group: "Cluster",
  },
  "sensor-address": {
    type: "text",
    default: ":8443",
    placeholder: "HOST:PORT",
    help: "Where the operator listens for sensors.",
    group: "Interface",
    check: checkListenAddress,
  },
  "webhook-address": {
    type: "text",
    default: ":9443",
    placeholder: "HOST:PORT",
    help: "Where the operator listens for the API server, which asks it about policies.",
    group: "Interface",
    check: checkListenAddress,
  },
  "webhook-url": {
    type: "text",
    default: "",
    placeholder: "URL",
    help: "Where the API server reaches webhook-address if the operator is outside of the cluster, e.g. https://operator.example:9443; port 0 means that of webhook-address. Default: through the Service.",
    group: "Interface",
  },
  "webhook-failure-policy": {
    type: "text",
    default: "ignore",
    values: ["ignore", "fail"],
    help: "What happens to policies while no operator answers. ignore: they are stored if the CRD's own schema and rules allow it; fail: they are refused.",
    group: "Interface",
  },
  "api-address": {
    type: "text",
    default: ":8444",
    placeholder: "HOST:PORT",
    help: "Where the operator listens for `gander`, which asks about the whole fleet, and for other replicas.",
    group: "Interface",
    check: checkListenAddress,
  },
  "metrics-address": {
    type: "text",
    default: ":2112",
    placeholder: "HOST:PORT",
    help: "Where /metrics (for Prometheus), /healthz and /readyz are served, in plain HTTP.",
    group: "Interface",
    check: checkListenAddress,
  },
  "otlp-endpoint": {
    type: "text",
    default: "",
    placeholder: "URL",
    help: "Send metrics to this URL once a minute by OTLP over HTTP, such as http://localhost:4318.",
    group: "Interface",
  },
  "advertise-address": {
    type: "text",
    default: "",
    placeholder: "HOST:PORT",
    help: "Where other replicas reach this one's api-address; it is written into the Lease. Default: the host's name and that port.",
    group: "Interface",
  },
  "max-sensors": {
    type: "number",
    default: 20_000,
    min: 1,
    max: 100_000,
    help: "The most sensors that this replica serves at a time.",
    group: "Interface",
  },
  "sensor-service-account": {
    type: "text",
    default: "gander-sensor",
    placeholder: "NAME",
    help: "The service account, in the operator's namespace, whose pods are sensors.",
    group: "Trust",
  },
  "token-audience": {
    type: "text",
    default: "gander-operator",
    placeholder: "AUDIENCE",
    help: "The audience that sensors' tokens must have.",
    group: "Trust",
  },
  "tls-cert-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Certificate (PEM) to present, such as cert-manager's, for servers and clients (replicas present it to each other); read again when it changes. Default: the operator makes and renews its own.",
    group: "Trust",
  },
  "tls-key-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Private key (PEM) of the certificate.",
    group: "Trust",
  },
  "tls-ca-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Authorities (PEM) of the certificate, which are published for sensors to trust.",
    group: "Trust",
  },
  "tls-san": {
    type: "list",
    default: [],
    placeholder: "NAME",
    help: "Further names and addresses that the operator's own certificate is for, such as localhost.",
    group: "Trust",
  },
  sessions: {
    type: "boolean",
    default: true,
    help: "Let the API server report who executes commands in pods, attaches to them, forwards their ports or adds ephemeral containers, so that events show the user. Nothing is refused.",
    group: "Events",
  },
  rollout: {
    type: "text",
    default: "all",
    values: ["all", "canary"],
    help: "How new generations of policies go to the nodes: to all at once, or to some first. The annotation gander.dev/rollout of a policy overrides it.",
    group: "Policies",
  },
  canary: {
    type: "text",
    default: "10%",
    placeholder: "NUMBER|PERCENT",
    help: "The size of a canary. Per policy: gander.dev/canary.",
    group: "Policies",
    check: (text) =>
      parseCanarySize(text) === undefined
        ? `"${text}" is neither a number of nodes nor a percentage such as 10%`
        : undefined,
  },
  "canary-duration": {
    type: "duration",
    default: 300_000,
    min: 0,
    max: 604_800_000,
    help: "How long the canary must stay without failures before the rest follows. Per policy: gander.dev/canary-duration.",
    group: "Policies",
  },
  uninstall: {
    type: "text",
    default: "no",
    values: ["no", "remove", "keep"],
    help: "Instead of serving, remove the webhook, statuses and all other objects that operators have made, and end. remove: sensors first remove everything from the kernels and disks of their nodes, and revisions are deleted; keep: nodes go on enforcing what they have. For the chart's hook, which has the rights.",
    group: "Process",
    flagOnly: true,
  },
  "uninstall-timeout": {
    type: "duration",
    default: 240_000,
    min: 1_000,
    max: 86_400_000,
    help: "How long --uninstall waits for nodes and replicas before it fails.",
    group: "Process",
    flagOnly: true,
  },
  "event-pod-annotations": {
    type: "list",
    default: [],
    placeholder: "KEY",
    help: "Annotations of pods that events show, by their keys; each is cut after 1024 characters. The same for all replicas. Pods with equal values share them in memory.",
    group: "Events",
  },
  "log-level": {
    type: "text",
    default: "info",
    values: ["debug", "info", "warn", "error"],
    help: "Which log lines are written to the standard error.",
    group: "Process",
  },
  help: {
    type: "boolean",
    default: false,
    short: "h",
    help: "Print this help.",
    group: "Process",
    flagOnly: true,
  },
} as const satisfies Parameters<typeof defineConfiguration>[0]["options"];

function checkListenAddress(text: string): string | undefined {
  return parseListenAddress(text) === undefined
    ? `"${text}" is not an address such as :8443, 127.0.0.1:8443 or [::1]:8443`
    : undefined;
}

export type OperatorConfiguration = Values<typeof operatorOptions>;

export const operatorConfiguration = defineConfiguration({
  command: "gander-operator",
  summary:
    "Sends the tracing policies of a Kubernetes cluster to the sensors on its nodes, and writes their status back. Several replicas may run: all of them serve sensors, one of them writes.",
  options: operatorOptions,
  examples: [
    "gander-operator",
    "gander-operator --kubeconfig ~/.kube/config --namespace gander-system --tls-san localhost",
    "gander-operator --tls-cert-file /tls/tls.crt --tls-key-file /tls/tls.key --tls-ca-file /tls/ca.crt",
  ],
});
