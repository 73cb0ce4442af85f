// SPDX-License-Identifier: Apache-2.0
import { type Instruments, leftOutInstruments, processInstruments } from "@gander/metrics";

const policy = { policy: "name", policy_namespace: "its namespace, or empty" } as const;
const origins = "`static` (a file), `grpc`, `operator`";
const ours = { ...policy, origin: origins } as const;

/** All metrics of a sensor. Metrics that mean the same as Tetragon's have Tetragon's names. */
export const sensorInstruments = {
  ...processInstruments,
  ...leftOutInstruments,
  tetragon_events_total: {
    kind: "counter",
    help: "Events that left the kernel.",
    labels: {
      type: "`PROCESS_EXEC`, `PROCESS_EXIT`, `PROCESS_KPROBE`, `PROCESS_TRACEPOINT`, `PROCESS_LSM`, `PROCESS_UPROBE`, `PROCESS_USDT`, `PROCESS_LOADER`",
    },
  },
  tetragon_policy_events_total: {
    kind: "counter",
    help: "Events of policies that left the kernel.",
    labels: { ...policy, hook: "its kind and what is hooked, such as `kprobe:fd_install`" },
  },
  tetragon_tracingpolicy_loaded: {
    kind: "gauge",
    help: "Policies by state. Which ones: `gander_policy_state`.",
    labels: { state: "`enabled`, `partially_enabled`, `disabled`, `load_error`" },
  },
  tetragon_tracingpolicy_kernel_memory_bytes: {
    kind: "gauge",
    help: "Kernel memory used for this policy alone.",
    labels: policy,
  },
  tetragon_events_exported_total: {
    kind: "counter",
    help: "Events that were written to the export file or the standard output.",
  },
  tetragon_export_ratelimit_events_dropped_total: {
    kind: "counter",
    help: "Events that were not exported because of `--export-rate-limit`.",
  },
  tetragon_observer_ringbuf_events_received_total: {
    kind: "counter",
    help: "Records that were read from the rings.",
  },
  tetragon_observer_ringbuf_events_lost_total: {
    kind: "counter",
    help: "Records that the ring had no room for.",
  },
  tetragon_process_cache_size: {
    kind: "gauge",
    help: "Processes that the sensor keeps for events: those that live, their ancestors, and those that ended just now.",
  },
  tetragon_process_cache_evictions_total: {
    kind: "counter",
    help: "Processes that were removed for lack of room (`--process-cache-size`) although events may still name them.",
  },
  tetragon_process_cache_misses_total: {
    kind: "counter",
    help: "Processes that an event named and the sensor did not know: they have the flag `unknown`.",
  },
  gander_cgroups: {
    kind: "gauge",
    help: "Cgroups that the sensor knows.",
  },
  gander_sessions_total: {
    kind: "counter",
    help: "Requests for sessions that the operator announced, and commands that came into a container from outside.",
    labels: {
      what: "requests: `announced`, `expired` (no command began in time), `dropped` (no room); commands: `matched`, `ambiguous` (requests of several users fit), `unannounced` (no request fits)",
    },
  },
  gander_policy_state: {
    kind: "gauge",
    help: "1 for the state that the policy is in.",
    labels: {
      ...ours,
      state: "as in `tetragon_tracingpolicy_loaded`",
      mode: "`enforce`, `monitor`, `monitor-only`",
    },
  },
  gander_policy_hits_total: {
    kind: "counter",
    help: "Calls that reached the policy: exactly the sum of `gander_policy_outcomes_total`.",
    labels: ours,
  },
  gander_policy_outcomes_total: {
    kind: "counter",
    help: "The same calls by outcome.",
    labels: {
      ...ours,
      outcome:
        "`emitted`, `filtered`, `suppressed_rate_limit`, `suppressed_budget`, `suppressed_no_post`, `lost_ring_full`, `lost_memory`, `unevaluated` (no memory to evaluate it: denied where the policy can deny)",
    },
  },
  gander_policy_exception_hits_total: {
    kind: "counter",
    help: "Calls that an exception of the policy excepted. Begins anew when the policy or one of its exceptions changes.",
    labels: { ...ours, exception: "NAME, or NAMESPACE/NAME" },
  },
  gander_policy_actions_total: {
    kind: "counter",
    help: "Actions carried out on processes, or, in mode monitor, that would have been.",
    labels: {
      ...ours,
      action:
        "`kill`, `signal`, `deny`, `would_kill`, `would_signal`, `would_deny`, `notify_enforcer`, `would_notify_enforcer`, `set`, `would_set`, `failed` (it could not be done), `exempt` (it was the sensor itself)",
    },
  },
  gander_policy_fuse_blown: {
    kind: "gauge",
    help: "1: its fuse is blown, and the policy only monitors on this node; 0: it is not. Only of policies that have one.",
    labels: ours,
  },
  gander_policy_fuse_spared_total: {
    kind: "counter",
    help: "Matches that would have been enforced, had the fuse not been blown, since it blew.",
    labels: ours,
  },
  gander_policy_requests_total: {
    kind: "counter",
    help: "Requests that actions of policies asked for. The state of a policy says how many of its own were not made.",
    labels: {
      kind: "`http` (GetUrl), `dns` (DnsLookup)",
      outcome:
        "`done` (a server has answered, whatever it said), `failed`, `dropped` (too many), `off` (`--policy-requests` does not allow it)",
    },
  },
  gander_policy_gaps_total: {
    kind: "counter",
    help: "What kept the policy from deciding as it says. Anything but 0 needs attention.",
    labels: {
      ...ours,
      gap: "`missed`: calls of the hooked functions for which the kernel skipped the program; not among the hits. `unknown_process`, `unknown_path`, `unknown_name`, `unknown_memory`, `unknown_peer`: filters decided for the safe side, without that fact",
    },
  },
  gander_events_lost_total: {
    kind: "counter",
    help: "Events that never left the kernel, by kind and cause.",
    labels: { kind: "`exec`, `exit`, `policy`", cause: "`ring_full`, `memory`" },
  },
  gander_reader_events_total: {
    kind: "counter",
    help: "Events by outcome at an exporter.",
    labels: { reader: "`file`", outcome: "`written`, `dropped` (it was too slow), `rate_limited`" },
  },
  gander_events_unhashed_total: {
    kind: "counter",
    help: "Events without the hash of a file that their policy wants (imaHash); each says why.",
  },
  gander_records_undecodable_total: {
    kind: "counter",
    help: "Records that the sensor could not read: a bug in the sensor.",
  },
  gander_ring_waiting_bytes: {
    kind: "gauge",
    help: "Records in the kernel that wait to be read.",
    labels: { ring: "`events`, `urgent`" },
  },
  gander_ring_size_bytes: {
    kind: "gauge",
    help: "Room for records (`--rb-size`). Those of policies are refused at three quarters of it.",
    labels: { ring: "`events`, `urgent`" },
  },
  gander_kernel_memory_bytes: {
    kind: "gauge",
    help: "Kernel memory in use.",
    labels: { part: "`maps`, `hook_programs`" },
  },
  gander_operator_connected: {
    kind: "gauge",
    help: "1 while connected to the operator, else 0. Only with `--operator`.",
  },
  gander_operator_exceptions: {
    kind: "gauge",
    help: "The operator's policies that are not, or not fully, in force here.",
  },
  gander_held_processes: {
    kind: "gauge",
    help: "Processes of new pods that are stopped now, until the policies of their pod are in force. Only with `--new-pods hold`.",
  },
  gander_held_processes_total: {
    kind: "counter",
    help: "Processes of new pods that were stopped. Only with `--new-pods hold`.",
  },
  gander_early_processes_total: {
    kind: "counter",
    help: "Processes that ran before the policies of their pod were in force. Only with `--new-pods observe` or `hold`; there, the limit was over or the sensor hung.",
  },
  gander_kernel_faults_total: {
    kind: "counter",
    help: "Faults in the kernel programs, which should not happen.",
    labels: { fault: "name" },
  },
} as const satisfies Instruments;
