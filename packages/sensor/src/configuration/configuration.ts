// SPDX-License-Identifier: Apache-2.0
import { defineConfiguration, type Values } from "@gander/base";
import { checkMetricsAddress } from "@gander/metrics/address";
import { parseEventBudget } from "@gander/policy/event-budget";
import { parseFuse } from "@gander/policy/fuse";
import { defaultBundlePaths } from "../workload/container-bundles.ts";
import { parseOperatorAddress } from "./operator-address.ts";
import { parseServerAddress } from "./server-address.ts";
import { tetragonOptions } from "./tetragon-options.ts";

/** Settings beside those of --config-dir, which are stronger. */
export const CONFIGURATION_FILE = "/etc/gander/gander.yaml";

export const DEFAULT_SERVER_ADDRESS = "unix:///var/run/gander/gander.sock";

const mebibyte = 1024 ** 2;

/**
 * Every setting of the sensor, once: the source of flags, `GANDER_…` variables, files, `--help` and
 * docs/cli.md. Settings that mean the same as Tetragon's have Tetragon's names.
 */
export const sensorOptions = {
  policies: {
    type: "list",
    default: ["/etc/gander/policies.d"],
    placeholder: "DIR",
    help: "Directories of policies, one level deep. They are watched: a file that is added, changed or deleted takes effect at once. A directory may appear later.",
    group: "Policies",
    aliases: ["tracing-policy-dir"],
  },
  "tracing-policy": {
    type: "list",
    default: [],
    placeholder: "FILE",
    help: "Single policy files, read once at the start. The sensor does not start if one of them is broken.",
    group: "Policies",
  },
  "policy-requests": {
    type: "list",
    default: [],
    values: ["http", "dns"],
    help: "What the actions of policies may ask of the network: http (GetUrl), dns (DnsLookup). By default nothing; policies with these actions are in force without them, which their state says.",
    group: "Policies",
  },
  "event-budget": {
    type: "text",
    default: "",
    placeholder: "N/TIME",
    help: "The most events that a policy posts on this node in a time, such as 10000/1m, unless its own option event-budget says otherwise. Further ones are counted, its state and the streams say so, and it goes on enforcing. By default there is no limit.",
    group: "Policies",
    check: checkEventBudget,
  },
  fuse: {
    type: "text",
    default: "",
    placeholder: "N pods in TIME",
    help: "The fuse of policies without the annotation gander.dev/fuse, such as `5 pods in 1m`: a policy that kills, signals or denies in more pods of this node in that time falls back to mode monitor here, until someone arms the fuse again (`gander policy rearm`). By default policies have none; those with the label gander.dev/level: guard have none either way.",
    group: "Policies",
    check: checkFuse,
  },
  "keep-sensors-on-exit": {
    type: "boolean",
    default: false,
    help: "Leave enforcement in the kernel when the sensor is stopped. (A sensor that is killed always leaves it.)",
    group: "Policies",
  },
  "remove-all": {
    type: "boolean",
    default: false,
    help: "Guard nothing: remove what sensors have left in the kernel, and their state below --state-dir, then wait to be stopped.",
    group: "Policies",
    flagOnly: true,
  },
  operator: {
    type: "text",
    default: "",
    placeholder: "HOST:PORT",
    help: "Also get policies from the operator of the cluster, and report their state to it. The last ones are kept below --state-dir and are in force at the next start before the operator answers; a directory on disk keeps them over a reboot.",
    group: "Operator",
    check: checkOperatorAddress,
  },
  "operator-ca": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Authorities (PEM) that sign the operator's certificate. Read for each connection.",
    group: "Operator",
  },
  "operator-ca-configmap": {
    type: "text",
    default: "",
    placeholder: "NAMESPACE/NAME",
    help: "ConfigMap where the operator publishes these authorities. In a pod, it is read through the API server while the file does not exist or the operator's certificate is not of its authorities.",
    group: "Operator",
  },
  "operator-token": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Service account token that identifies this node to the operator: projected, with the audience gander-operator. Read for each connection.",
    group: "Operator",
  },
  "operator-server-name": {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "Name in the operator's certificate, if it is not the host of --operator.",
    group: "Operator",
  },
  "operator-insecure": {
    type: "boolean",
    default: false,
    help: "Connect without TLS, for trials: anyone on the path can take the token and change policies. Not needed for an address of this machine.",
    group: "Operator",
  },
  "new-pods": {
    type: "text",
    default: "run",
    values: ["run", "observe", "hold"],
    help: "With --operator: what happens to processes that start in a new pod before its policies have arrived. run: they run. observe: they run, and their events have the flag beforePolicies. hold: they are stopped before their first instruction until the policies are in force.",
    group: "Operator",
  },
  "new-pods-limit": {
    type: "duration",
    default: 2_000,
    help: "With --new-pods hold: the longest that the processes of a pod wait, from the first one on. Then they run as with observe.",
    group: "Operator",
  },
  "export-filename": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Write every event as a line of JSON to this file; - is the standard output.",
    group: "Export",
  },
  "export-file-max-size-mb": {
    type: "number",
    default: 10,
    min: 1,
    max: 1_000_000,
    help: "Start a new export file when it has grown to this many megabytes.",
    group: "Export",
  },
  "export-file-rotation-interval": {
    type: "duration",
    default: 0,
    help: "Start a new export file after this time; 0 is never.",
    group: "Export",
  },
  "export-file-max-backups": {
    type: "number",
    default: 5,
    min: 0,
    max: 100_000,
    help: "How many old export files are kept.",
    group: "Export",
  },
  "export-file-compress": {
    type: "boolean",
    default: false,
    help: "Compress old export files with gzip.",
    group: "Export",
  },
  "export-file-perm": {
    type: "text",
    default: "600",
    placeholder: "MODE",
    help: "Permissions of export files, in octal.",
    group: "Export",
    check: (text) =>
      /^0?[0-7]{3}$/.test(text) ? undefined : `"${text}" is not an octal mode such as 600`,
  },
  "export-rate-limit": {
    type: "number",
    default: -1,
    min: -1,
    help: "The most events exported per minute; the rest are counted and marked. -1 is no limit.",
    group: "Export",
  },
  "export-allowlist": {
    type: "list",
    default: [],
    commas: "keep",
    placeholder: "JSON",
    help: "Export only events that match one of these filters, each a JSON object. Repeat the option, or give one filter per line.",
    group: "Export",
  },
  "export-denylist": {
    type: "list",
    default: [],
    commas: "keep",
    placeholder: "JSON",
    help: "Do not export events that match one of these filters.",
    group: "Export",
  },
  "field-filters": {
    type: "list",
    default: [],
    commas: "keep",
    placeholder: "JSON",
    help: "Include or exclude fields of exported events.",
    group: "Export",
  },
  "redaction-filters": {
    type: "list",
    default: [],
    commas: "keep",
    placeholder: "JSON",
    help: "In process arguments, replace what the groups of a regular expression match by asterisks, everywhere.",
    group: "Events",
  },
  "enable-process-cred": {
    type: "boolean",
    default: false,
    help: "Events carry the credentials and capabilities of processes.",
    group: "Events",
  },
  "enable-process-ns": {
    type: "boolean",
    default: false,
    help: "Events carry the namespaces of processes.",
    group: "Events",
  },
  "enable-ancestors": {
    type: "list",
    default: [],
    values: ["base", "kprobe", "tracepoint", "loader", "uprobe", "lsm", "usdt"],
    help: "Kinds of events that carry all ancestors of the process and not only its parent; base is exec and exit.",
    group: "Events",
  },
  "expose-stack-addresses": {
    type: "boolean",
    default: false,
    help: "Stack traces carry addresses of the kernel and of processes, which help an attacker who reads them.",
    group: "Events",
  },
  "process-cache-size": {
    type: "number",
    default: 65_536,
    min: 1024,
    max: 4_194_304,
    help: "How many processes are remembered, including ended ones that events may still refer to.",
    group: "Events",
  },
  "event-queue-size": {
    type: "number",
    default: 10_000,
    min: 100,
    max: 1_000_000,
    help: "How many events wait for a slow reader; beyond that its events are dropped, counted and marked.",
    group: "Events",
  },
  "container-configurations": {
    type: "list",
    default: defaultBundlePaths,
    placeholder: "FILE",
    help: "Where the container runtime keeps the OCI configuration of a container; ID stands for the container's id. Names, images and start times of containers, and whether they are privileged, are read from there.",
    group: "Events",
  },
  "enable-node-labels": {
    type: "boolean",
    default: true,
    help: "Events carry the labels of the node, which the operator sends; --enable-node-labels=false makes every event that much shorter.",
    group: "Events",
  },
  "cluster-name": {
    type: "text",
    default: "",
    help: "Name of the cluster in every event.",
    group: "Events",
  },
  "node-name": {
    type: "text",
    default: "",
    help: "Name of this machine in every event and exec_id [default: NODE_NAME, else the host's name]",
    group: "Events",
  },
  "server-address": {
    type: "text",
    default: DEFAULT_SERVER_ADDRESS,
    placeholder: "ADDRESS",
    help: "Where the gRPC interface listens: a socket for root, or host:port on the network. With a port, it also listens on the socket.",
    group: "Interface",
    check: checkServerAddress,
  },
  "server-tls-cert-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Certificate (PEM) that this sensor presents to clients on the network. Read once, at the start.",
    group: "Interface",
  },
  "server-tls-key-file": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Private key (PEM) of the certificate.",
    group: "Interface",
  },
  "server-tls-client-ca-files": {
    type: "list",
    default: [],
    placeholder: "FILE",
    help: "Authorities (PEM): every client on the network must have a certificate of one of them, and may then change policies as well.",
    group: "Interface",
  },
  "server-tls-require-client-cert": {
    type: "boolean",
    default: false,
    help: "Refuse clients without a certificate; always on if authorities are given.",
    group: "Interface",
  },
  "server-allow-anonymous": {
    type: "boolean",
    default: false,
    help: "Let everybody who reaches host:port read events and change policies. By default, clients without a certificate may only read, and without TLS only from this machine.",
    group: "Interface",
  },
  "metrics-server": {
    type: "text",
    default: "",
    placeholder: "HOST:PORT",
    help: "Where metrics are served for Prometheus at /metrics, in plain HTTP to everybody who reaches it; :2112 is all addresses. Default: nowhere.",
    group: "Interface",
    check: (text) => (text === "" ? undefined : checkMetricsAddress(text)),
  },
  "health-server-address": {
    type: "text",
    default: "",
    placeholder: "HOST:PORT",
    help: "Where /healthz (the sensor runs) and /readyz (it enforces all that an earlier sensor did, and has the policies of its operator) are served, in plain HTTP. Default: nowhere.",
    group: "Interface",
    check: checkHealthAddress,
  },
  "otlp-endpoint": {
    type: "text",
    default: "",
    placeholder: "URL",
    help: "Send metrics to this URL once a minute by OTLP over HTTP, such as http://localhost:4318.",
    group: "Interface",
  },
  "rb-size": {
    type: "size",
    default: 8 * mebibyte,
    min: 65_536,
    max: 1024 * mebibyte,
    help: "Room for records on their way out of the kernel, for all CPUs together; rounded up to a power of two.",
    group: "Sensor",
    aliases: ["rb-size-total"],
  },
  "bpf-dir": {
    type: "text",
    default: "/sys/fs/bpf/gander",
    placeholder: "DIR",
    help: "Where programs and maps are pinned; a relative name is below /sys/fs/bpf.",
    group: "Sensor",
  },
  "state-dir": {
    type: "text",
    default: "/run/gander",
    placeholder: "DIR",
    help: "Small files that let the next sensor take over.",
    group: "Sensor",
  },
  "log-format": {
    type: "text",
    default: "json",
    values: ["json", "text"],
    help: "json: each line is an object; text: its time, level and message, then its fields as NAME=VALUE.",
    group: "Sensor",
  },
  "log-level": {
    type: "text",
    default: "info",
    values: ["debug", "info", "warn", "error"],
    help: "Which log lines are written to the standard error.",
    group: "Sensor",
  },
  "config-dir": {
    type: "text",
    default: "/etc/gander/gander.conf.d",
    placeholder: "DIR",
    help: "One file per option: its name is the option, its content the value. /etc/gander/gander.yaml is read first.",
    group: "Sensor",
    flagOnly: true,
  },
} as const satisfies Parameters<typeof defineConfiguration>[0]["options"];

/** Returns the problem in the text of an address; undefined if there is none. */
export function checkServerAddress(text: string): string | undefined {
  return parseServerAddress(text) === undefined
    ? `"${text}" is not an address such as unix:///var/run/gander/gander.sock or localhost:54321`
    : undefined;
}

function checkHealthAddress(text: string): string | undefined {
  const address = parseServerAddress(text);
  return text === "" || (address !== undefined && "port" in address)
    ? undefined
    : `"${text}" is not an address such as 127.0.0.1:6790 or :6790`;
}

function checkEventBudget(text: string): string | undefined {
  const budget = text === "" ? undefined : parseEventBudget(text);
  return budget !== undefined && "wrong" in budget ? `${budget.wrong}. ${budget.hint}` : undefined;
}

function checkFuse(text: string): string | undefined {
  const fuse = text === "" ? undefined : parseFuse(text);
  return fuse !== undefined && "wrong" in fuse ? `${fuse.wrong}. ${fuse.hint}` : undefined;
}

function checkOperatorAddress(text: string): string | undefined {
  return text === "" || parseOperatorAddress(text) !== undefined
    ? undefined
    : `"${text}" is not an address such as gander-operator.gander-system.svc:8443`;
}

export type SensorConfiguration = Values<typeof sensorOptions>;

export const sensorConfiguration = defineConfiguration({
  command: "gander run",
  summary:
    "Watches and guards this machine: loads programs into the kernel, applies the policies of a directory, exports events and serves the interface that `gander events`, `gander policy` and `tetra` talk to. Needs root.",
  options: sensorOptions,
  foreign: tetragonOptions,
  examples: [
    "sudo gander run --policies policies/examples",
    "sudo gander run --policies /etc/gander/policies.d --export-filename /var/log/gander/events.log",
    "sudo gander run --operator gander-operator.gander-system.svc:8443 --operator-ca ca.crt --operator-token token",
    'sudo gander run --export-filename - --export-denylist \'{"event_set":["PROCESS_EXIT"]}\'',
  ],
});
