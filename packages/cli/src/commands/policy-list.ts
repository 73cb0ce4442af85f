// SPDX-License-Identifier: Apache-2.0
import type { TracingPolicyActionCounters, TracingPolicyStatus } from "@gander/proto";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { quote, quoteSentence, terminalSafeJson } from "../events/quote.ts";
import { fleetOptions } from "../fleet/fleet-options.ts";
import { describePolicies } from "../fleet/fleet-text.ts";
import { withFleet } from "../fleet/with-fleet.ts";
import { columnsOf } from "../io.ts";
import { unjudgedFields, unknownFields } from "../judging-gaps.ts";
import { textTable } from "../text-table.ts";
import { withSensor } from "../with-sensor.ts";

/** `gander policy list` */
export const policyList = defineCommand({
  command: "gander policy list",
  summary:
    "Lists the policies of the running sensor. HITS: calls that reached the policy; each was filtered out, suppressed by a limit, lost, UNJUDGED because there was no memory to evaluate it, or is an EVENT. UNJUDGED also counts calls for which the kernel skipped the policy. UNKNOWN: filters decided for the safe side, without the fact that they test. ENFORCED: killed, signalled or denied; WOULD: the same, had the mode been enforce. With --operator: the policies of the whole cluster; READY: nodes on which it is in force, of those that it applies to.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "A table, or everything the sensor says as JSON.",
      flagOnly: true,
    },
    domain: {
      type: "text",
      default: "",
      placeholder: "NAME",
      help: "Only policies from this source: static (a file) or grpc (gander policy add).",
      flagOnly: true,
    },
    ...fleetOptions,
    ...clientOptions,
  },
  examples: [
    "sudo gander policy list",
    "sudo gander policy list -o json | jq '.[].hook_statuses'",
    "gander policy list --operator 127.0.0.1:8444",
  ],
  run: async ({ values }, io) => {
    if (values.operator !== "") {
      const all = await withFleet(values, (fleet) => fleet.policies());
      const text =
        values.output === "json"
          ? terminalSafeJson(JSON.stringify(all, null, 2))
          : describePolicies(all, columnsOf(io));
      io.stdout.write(`${text}\n`);
      return 0;
    }
    const policies = await withSensor(values, (sensor) => sensor.listPolicies(values.domain));
    const text =
      values.output === "json"
        ? terminalSafeJson(JSON.stringify(policies, null, 2))
        : describe(policies, columnsOf(io));
    io.stdout.write(`${text}\n`);
    return 0;
  },
});

const TEXTS = ["NAME", "NAMESPACE", "DOMAIN", "STATE", "MODE"];
const NUMBERS = [
  "HITS",
  "EVENTS",
  "FILTERED",
  "SUPPRESSED",
  "LOST",
  "UNJUDGED",
  "UNKNOWN",
  "ENFORCED",
  "WOULD",
  "MEMORY",
];
const HEADER = [...TEXTS, ...NUMBERS];

/** On a terminal that is too narrow for all columns, in this order. What is blown, the notes say as well. */
const DISPENSABLE = [
  "MEMORY",
  "NAMESPACE",
  "DOMAIN",
  "SUPPRESSED",
  "UNKNOWN",
  "UNJUDGED",
  "WOULD",
  "FILTERED",
  "MODE",
];

function describe(policies: readonly TracingPolicyStatus[], width: number | undefined): string {
  if (policies.length === 0) return "No policies. Add one: gander policy add FILE";
  const { text, leftOut } = textTable(HEADER, policies.map(row), {
    ...{ right: NUMBERS, width, dispensable: DISPENSABLE },
  });
  const notes = policies.flatMap(notesOf);
  if (leftOut.length > 0)
    notes.push(`No room for ${leftOut.join(", ")}: use a wider terminal, or -o json.`);
  return notes.length === 0 ? text : `${text}\n\n${notes.join("\n")}`;
}

function row(policy: TracingPolicyStatus): readonly string[] {
  const counters = policy.stats?.action_counters ?? {};
  return [
    quote(policy.name ?? ""),
    quote(policy.namespace ?? "") || "-",
    quote(policy.domain ?? ""),
    word(policy.state ?? "", "TP_STATE_"),
    policy.fuse?.blown_at ? "fuse-blown" : word(policy.mode ?? "", "TP_MODE_"),
    sum(counters, ["hits"]),
    sum(counters, ["post"]),
    sum(counters, ["filtered"]),
    sum(counters, ["nopost", "suppressed_rate_limit", "suppressed_budget"]),
    sum(counters, ["lost_ring_full", "lost_memory"]),
    sum(counters, unjudgedFields),
    sum(counters, unknownFields),
    calls(policy, "signal", "override"),
    calls(policy, "monitor_signal", "monitor_override"),
    bytes(Number(policy.kernel_memory_bytes ?? 0)),
  ];
}

/** Notes below the table: why a policy failed, where it is weaker than it says. */
function notesOf(policy: TracingPolicyStatus): readonly string[] {
  const name = quote(policy.name ?? "");
  const notes: string[] = [];
  if (policy.error) notes.push(`${name}: ${quoteSentence(policy.error)}`);
  for (const line of (policy.info ?? "").split("\n"))
    if (line !== "") notes.push(`${name}: ${quoteSentence(line)}`);
  if (policy.state !== "TP_STATE_PARTIALLY_ENABLED") return notes;
  for (const hook of policy.hook_statuses ?? [])
    if (hook.state !== "STATUS_LOADED")
      notes.push(
        `${name}: ${quoteSentence(`${hook.section}[${hook.hook_idx ?? 0}] ${hook.hook_description}`)}: ${notLoaded(hook.state ?? "")}`,
      );
  return notes;
}

function notLoaded(state: string): string {
  return state === "STATUS_CALL_NOT_FOUND"
    ? "this kernel lacks it, so the policy runs without it, as `ignore.callNotFound` allows"
    : "it is not loaded";
}

function word(value: string, prefix: string): string {
  return value.replace(prefix, "").toLowerCase();
}

/** Calls that were stopped: one that is killed and denied as well is one. */
function calls(
  { stats }: TracingPolicyStatus,
  signal: "signal" | "monitor_signal",
  denial: "override" | "monitor_override",
): string {
  const selectors = stats?.selector_action_counters ?? [];
  return selectors
    .map(({ action_counters: counters = {} }) =>
      [counters[signal], counters[denial]].map((n) => BigInt(n ?? 0)),
    )
    .reduce(
      (total, [signals = 0n, denials = 0n]) => total + (signals > denials ? signals : denials),
      0n,
    )
    .toString();
}

/** Counters are 64-bit numbers as decimal text. */
function sum(
  counters: TracingPolicyActionCounters,
  names: readonly (keyof TracingPolicyActionCounters)[],
): string {
  return names.reduce((total, name) => total + BigInt(counters[name] ?? 0), 0n).toString();
}

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  if (count < 1024 ** 2) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 1024 ** 2).toFixed(1)} MiB`;
}
