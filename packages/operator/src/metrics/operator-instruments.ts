// SPDX-License-Identifier: Apache-2.0
import { type Instruments, leftOutInstruments, processInstruments } from "@gander/metrics";

const policy = { policy: "name", policy_namespace: "its namespace, or empty" } as const;

export const operatorInstruments = {
  ...processInstruments,
  ...leftOutInstruments,
  gander_operator_leader: {
    kind: "gauge",
    help: "1 if this replica writes statuses, else 0.",
  },
  gander_operator_sensors_connected: {
    kind: "gauge",
    help: "Nodes whose sensor is connected to this replica.",
  },
  gander_operator_objects: {
    kind: "gauge",
    help: "Objects of the cluster that the operator keeps.",
    labels: { kind: "`nodes`, `pods`, `policies`, `groups` (of pods with the same labels)" },
  },
  gander_operator_versions_sent_total: {
    kind: "counter",
    help: "Versions of a node's policies that were sent to a sensor.",
  },
  gander_operator_answer_seconds: {
    kind: "histogram",
    help: "Time from sending a version until the sensor's answer.",
  },
  gander_operator_sessions_total: {
    kind: "counter",
    help: "Requests for sessions in pods that the API server reported.",
    labels: {
      kind: "`exec`, `attach`, `port-forward`, `ephemeral-container`",
      result:
        "`sent` to the node's sensor; `passed-on` to another replica, which counts it again; `noted` in the log; not delivered: `no-sensor` is connected, `unknown-pod`, `dropped` (too many)",
    },
  },
  gander_operator_policy_nodes: {
    kind: "gauge",
    help: "Nodes that the policy applies to, by state; reported only by the leader.",
    labels: {
      ...policy,
      state: "`ready`, `degraded`, `pending`, `disconnected`, `unsupported`, `failed`, `refused`",
    },
  },
  gander_operator_policy_accepted: {
    kind: "gauge",
    help: "1 if the newest generation of the policy can be used, 0 if an earlier one or none is in force in its place; reported only by the leader.",
    labels: policy,
  },
  gander_operator_policy_gaps: {
    kind: "gauge",
    help: "What kept the policy from deciding as it says, on connected sensors; reported only by the leader.",
    labels: {
      ...policy,
      gap: "`unevaluated`: calls without memory to evaluate them, denied where the policy can deny; `missed`: calls for which a kernel skipped the program; `unknown`: filters decided for the safe side, without the fact that they test",
    },
  },
  gander_operator_policy_exception_hits: {
    kind: "gauge",
    help: "Calls that an exception of the policy excepted, on connected sensors, since it or the policy was changed; reported only by the leader.",
    labels: { ...policy, exception: "NAME, or NAMESPACE/NAME" },
  },
  gander_operator_policy_lost_events: {
    kind: "gauge",
    help: "Events of the policy lost by connected sensors; reported only by the leader.",
    labels: policy,
  },
  gander_kube_requests_total: {
    kind: "counter",
    help: "Requests to the API server; a watch is one.",
    labels: { method: "HTTP method", code: "HTTP status; 0: no answer" },
  },
  gander_kube_request_seconds: {
    kind: "histogram",
    help: "Time until the API server began to answer.",
    labels: { method: "HTTP method" },
  },
  gander_kube_watch_synced: {
    kind: "gauge",
    help: "1 if all objects of the kind have been read once, else 0.",
    labels: { resource: "plural name of the kind" },
  },
  gander_kube_watch_silence_seconds: {
    kind: "gauge",
    help: "Time since the API server last sent something: the data may be this old.",
    labels: { resource: "plural name of the kind" },
  },
  gander_kube_watch_restarts_total: {
    kind: "counter",
    help: "Lists and watches that had to be restarted.",
    labels: {
      resource: "plural name of the kind",
      cause:
        "`ended` (as happens every few minutes), `expired`, `silence`, `connection`, `throttled`, `credentials`, `server`, `protocol`, `other`",
    },
  },
} as const satisfies Instruments;
