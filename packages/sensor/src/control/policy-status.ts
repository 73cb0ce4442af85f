// SPDX-License-Identifier: Apache-2.0
import type {
  HookStatus,
  TracingPolicyActionCounters,
  TracingPolicyMode,
  TracingPolicySelectorActionCounters,
  TracingPolicyState,
  TracingPolicyStatus,
} from "@gander/proto";
import { countsAs } from "../policy/counts/counters.ts";
import { blownText } from "../policy/fuses/fuse-report.ts";
import type {
  AttachmentState,
  HookState,
  PolicyCounters,
  PolicyState,
} from "../policy/policy-state.ts";

const states: Readonly<Record<PolicyState["state"], TracingPolicyState>> = {
  enabled: "TP_STATE_ENABLED",
  "partially-enabled": "TP_STATE_PARTIALLY_ENABLED",
  disabled: "TP_STATE_DISABLED",
  "load-error": "TP_STATE_LOAD_ERROR",
};

const modes: Readonly<Record<PolicyState["mode"], TracingPolicyMode>> = {
  enforce: "TP_MODE_ENFORCE",
  monitor: "TP_MODE_MONITOR",
  "monitor-only": "TP_MODE_MONITOR_ONLY",
};

const hookStates: Readonly<Record<HookState["state"], HookStatus["state"]>> = {
  loaded: "STATUS_LOADED",
  "call-not-found": "STATUS_CALL_NOT_FOUND",
  "not-loaded": "STATUS_UNSPECIFIED",
};

/** The names by which existing clients know a policy's parts. */
const sensorNames = {
  kprobe: "generic_kprobe",
  tracepoint: "generic_tracepoint",
  lsm: "generic_lsm",
  uprobe: "generic_uprobe",
  usdt: "generic_usdt",
  loader: "loader",
} as const;

/** A policy's state in the form of the interface. */
export function policyStatus(policy: PolicyState): TracingPolicyStatus {
  const isEnabled = policy.state === "enabled" || policy.state === "partially-enabled";
  return {
    id: String(policy.id),
    name: policy.name,
    namespace: policy.namespace,
    info: [...blownNotes(policy), ...policy.warnings, ...policy.findings].join("\n"),
    sensors: [...new Set(policy.hooks.map(({ kind }) => sensorNames[kind]))],
    enabled: isEnabled,
    error: policy.error,
    state: states[policy.state],
    kernel_memory_bytes: String(policy.kernelMemoryBytes),
    mode: modes[policy.mode],
    stats: {
      action_counters: actionCounters(policy.counters),
      selector_action_counters: policy.hooks.flatMap(selectorCounters),
    },
    domain: policy.origin,
    hook_statuses: policy.hooks.map(hookStatus),
    ...(policy.fuse && {
      fuse: {
        fuse: policy.fuse.fuse,
        blown_at: policy.fuse.blownAt,
        spared: String(policy.fuse.spared),
      },
    }),
  };
}

function blownNotes({ fuse }: PolicyState): readonly string[] {
  const text = blownText(fuse);
  return text === "" ? [] : [`FuseBlown: ${text}; ${fuse?.spared ?? 0n} matches were not enforced`];
}

function selectorCounters(hook: HookState): TracingPolicySelectorActionCounters[] {
  return hook.selectors.map(({ index, label, counters }) => ({
    hook: hook.target,
    hook_index: hook.index === 0 ? {} : { value: hook.index },
    selector_index: index === 0 ? {} : { value: index },
    action_counters: actionCounters(counters),
    selector_label: label,
  }));
}

/**
 * A call that is denied by ending its process counts as a signal alone: clients add up signals and overrides, and
 * would show it twice.
 */
function actionCounters(counters: Partial<PolicyCounters>): TracingPolicyActionCounters {
  const sums = new Map(countsAs(counters, ({ status }) => status));
  const { enforced } = counters;
  const [signal = 0n, override = 0n] = [sums.get("signal"), sums.get("override")];
  if (enforced !== undefined && signal + override > enforced)
    sums.set("override", enforced > signal ? enforced - signal : 0n);
  return Object.fromEntries([...sums].map(([field, count]) => [field, String(count)]));
}

function howAttached({ how, counters }: AttachmentState): string {
  return counters.missed === 0n ? how : `${how} (${counters.missed} calls skipped by the kernel)`;
}

function hookStatus(hook: HookState): HookStatus {
  const how = hook.attachments.map(howAttached).join(", ");
  const detail = hook.error === "" ? how : hook.error;
  return {
    section: hook.section,
    state: hookStates[hook.state],
    hook_description: detail === "" ? hook.target : `${hook.target}: ${detail}`,
    hook_idx: hook.index,
  };
}
