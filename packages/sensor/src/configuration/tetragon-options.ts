// SPDX-License-Identifier: Apache-2.0
import type { ForeignOption } from "@gander/base";

const yes = { boolean: true } as const;
const alwaysOn = { instead: "It is always on: leave the option out.", ...yes };
const oneForm = {
  instead: "Programs are made for the kernel that is found: leave it out.",
  ...yes,
};
const notKept = "Gander keeps no such table: leave it out.";
const fromOperator = "What is known of pods comes from the operator: see --operator.";
const profiles =
  "Node's own tools serve: NODE_OPTIONS=--cpu-prof or --heap-prof in the environment.";

/** The options of Tetragon's agent (1.8) that have no option of the same name here. */
export const tetragonOptions: Readonly<Record<string, ForeignOption>> = {
  // general
  debug: { is: "log-level", texts: { true: "debug", false: "info" }, ...yes },
  "log-file": { instead: "Lines go to the standard error: redirect it, or let the service do so." },
  verbose: {
    instead:
      "If the kernel refuses a program, the error has its reason; --log-level debug has more.",
  },
  "generate-docs": { instead: "`gander run --help` and docs/cli.md have every option.", ...yes },
  // files
  "bpf-lib": { instead: "The programs belong to this version and are found beside it." },
  btf: {
    instead: "Types are read from /sys/kernel/btf, which every kernel that Gander supports has.",
  },
  procfs: { instead: "Run it in the host's pid namespace: it reads /proc." },
  kernel: { instead: "The version of the running kernel is used." },
  "netns-dir": { instead: "Network namespaces are read from the kernel: leave it out." },
  // programs
  "force-small-progs": oneForm,
  "force-large-progs": oneForm,
  "disable-kprobe-multi": {
    instead: "Many functions are attached by what this kernel has: leave it out.",
    ...yes,
  },
  "use-perf-ring-buffer": {
    instead: "There is one ring for all CPUs; --rb-size is its size.",
    ...yes,
  },
  "rb-queue-size": { instead: "There is no queue behind the ring; --rb-size is its size." },
  "sleepable-preload-size": { instead: notKept },
  "retprobes-cache-size": { instead: notKept },
  "release-pinned-bpf": {
    instead: "A new sensor takes over what an earlier one pinned; --remove-all removes everything.",
    ...yes,
  },
  // tables
  "execve-map-entries": {
    instead: "It grows with what runs; --process-cache-size is what is remembered.",
  },
  "execve-map-size": {
    instead: "It grows with what runs; --process-cache-size is what is remembered.",
  },
  "parents-map-enabled": alwaysOn,
  "parents-map-entries": { instead: notKept },
  "parents-map-size": { instead: notKept },
  // caches
  "disable-process-cache": { instead: "Events need it: leave it out.", ...yes },
  "process-cache-gc-interval": {
    instead: "Entries are removed when they are no longer needed: leave it out.",
  },
  "data-cache-size": { instead: notKept },
  "deleted-pod-cache-size": { instead: notKept },
  "event-cache-retries": { instead: "No event waits for what it needs: leave it out." },
  "event-cache-retry-delay": { instead: "No event waits for what it needs: leave it out." },
  // events
  "enable-process-environment-variables": {
    instead: "Events do not carry the environment; matchProcess of a GuardPolicy filters by it.",
    ...yes,
  },
  "filter-environment-variables": {
    instead: "Events do not carry the environment; matchProcess of a GuardPolicy filters by it.",
  },
  "username-metadata": { instead: "Events carry the number of the user: leave it out." },
  "enable-pod-annotations": {
    instead: "--event-pod-annotations of the operator names those that events carry.",
    ...yes,
  },
  // export
  "enable-export-aggregation": {
    instead: "Limit what a policy posts by its option event-budget, or by rateLimit of its action.",
    ...yes,
  },
  "export-aggregation-window-size": { instead: "There is no aggregation: see --event-budget." },
  "export-aggregation-buffer-size": { instead: "There is no aggregation: see --event-budget." },
  "enable-pid-set-filter": { instead: "Use pid in --export-allowlist.", ...yes },
  // policies
  "enable-tracing-policy-crd": {
    instead: "Policies of the API come by the operator: see --operator.",
    ...yes,
  },
  "enable-policy-filter": alwaysOn,
  "enable-policy-filter-cgroup-map": alwaysOn,
  "enable-policy-filter-debug": {
    is: "log-level",
    texts: { true: "debug", false: "info" },
    ...yes,
  },
  "persist-grpc-policies": {
    instead:
      "Policies that were added over the socket stay after a restart; --state-dir on a disk keeps them over a reboot.",
    ...yes,
  },
  "persist-grpc-policies-dir": { is: "state-dir" },
  "enable-deprecated-tracingpolicy-grpc": {
    instead: "ConfigureTracingPolicy does both, and `gander policy` calls it.",
    ...yes,
  },
  // Kubernetes
  "enable-k8s-api": { instead: fromOperator, ...yes },
  "k8s-kubeconfig-path": { instead: fromOperator },
  "k8s-controlplane-retry": { instead: "It tries until it succeeds: leave it out." },
  "enable-pod-info": { instead: fromOperator, ...yes },
  "enable-cri": {
    instead: "Containers are known from their cgroups; see --container-configurations.",
    ...yes,
  },
  "cri-endpoint": {
    instead: "Containers are known from their cgroups; see --container-configurations.",
  },
  "enable-cgidmap": alwaysOn,
  "enable-cgidmap-debug": { is: "log-level", texts: { true: "debug", false: "info" }, ...yes },
  "enable-cgtrackerid": alwaysOn,
  "cgroup-rate": { instead: "Executions are not throttled: they are counted if they are lost." },
  // metrics
  "enable-event-metrics": alwaysOn,
  "metrics-label-filter": {
    instead: "Metrics have no labels of workloads, so that no workload makes series: leave it out.",
  },
  "enable-msg-handling-latency": { instead: "See gander_event_loop_delay_seconds.", ...yes },
  "health-server-interval": { instead: "Each request is answered with the state as it is then." },
  "gops-address": { instead: profiles },
  "pprof-address": { instead: profiles },
  cpuprofile: { instead: profiles },
  memprofile: { instead: profiles },
};
