// SPDX-License-Identifier: Apache-2.0
import {
  kprobeSchema,
  lsmHookSchema,
  tracepointSchema,
  uprobeSchema,
  usdtSchema,
} from "./hook-schemas.ts";
import { containerSelector, hostSelector, labelSelector } from "./label-selector.ts";
import { hookSections } from "./language/hook-kinds.ts";
import { languageLimits } from "./language-limits.ts";
import { metadata } from "./object-meta.ts";
import { policyKindNames } from "./policy-kinds.ts";
import type { AdmissionRule, Schema, Static } from "./schema.ts";
import { any, bool, list, map, object, oneOf, optional, required, text } from "./schema.ts";
import { selectorSchema } from "./selector-schema.ts";

const { hooks: maxItems } = languageLimits;

const hooks = <T>(help: string, schema: Schema<T>) =>
  optional(list(help, schema, { admission: { maxItems } }));

/** Less common sections. */
const rareHooks = <T>(help: string, schema: Schema<T>) =>
  optional(list(help, schema, { admission: { maxItems, shapeOnly: true } }));

const containerLabels = "self.containerSelector.matchLabels";

const specRules: readonly AdmissionRule[] = [
  {
    cel: `${hookSections.map((name) => `(has(self.${name}) && size(self.${name}) > 0)`).join(" || ")} || (has(self.loader) && self.loader)`,
    message: "the policy hooks nothing",
    hint: "Add an entry below kprobes, lsmhooks, tracepoints, uprobes or usdts, or `loader: true`.",
  },
  {
    // Counted, because the cost of a walk over all labels is estimated from the longest possible request.
    cel: `!has(self.containerSelector) || !has(${containerLabels}) || size(${containerLabels}) == ${["name", "repo"].map((key) => `('${key}' in ${containerLabels} ? 1 : 0)`).join(" + ")}`,
    message: "containers are selected by name and repo only",
    hint: "Use the keys `name` and `repo` (the image without its tag).",
    at: "containerSelector",
  },
];

export const tracingPolicySpec = object(
  "TracingPolicySpec",
  "What is watched, and what is done about it.",
  {
    kprobes: hooks("Functions of the kernel.", kprobeSchema),
    tracepoints: hooks("Tracepoints of the kernel.", tracepointSchema),
    loader: optional(bool("Report loaded programs and libraries.")),
    uprobes: rareHooks("Functions of programs.", uprobeSchema),
    lsmhooks: hooks("Hooks for Linux security modules.", lsmHookSchema),
    usdts: rareHooks("Static probes of programs.", usdtSchema),
    fentries: rareHooks("Functions of the kernel, as in kprobes.", kprobeSchema),
    podSelector: optional(labelSelector("Pods by label; none means all.")),
    containerSelector: optional(
      containerSelector("Containers by `name` or `repo`; none means all."),
    ),
    hostSelector: optional(hostSelector),
    nodeSelector: optional(labelSelector("Nodes by label; none means all.")),
    lists: optional(
      list(
        "Named sets of functions.",
        object("ListSpec", "A named set of functions.", {
          name: required(text("Name.")),
          values: optional(list("Functions.", text("Function."))),
          type: optional(
            oneOf("What the set is made of.", [
              "syscalls",
              "generated_syscalls",
              "generated_ftrace",
            ]),
          ),
          pattern: optional(text("Regular expression for generated sets.")),
          validated: optional(bool("Set by the agent.")),
        }),
      ),
    ),
    enforcers: optional(
      list(
        "Calls that are stopped after NotifyEnforcer.",
        object("EnforcerSpec", "Calls that can be stopped.", {
          calls: required(
            list("System calls, `security_…` functions, or `list:NAME`.", text("Function.")),
          ),
        }),
      ),
    ),
    options: optional(
      list(
        "Settings of the policy.",
        object(
          "OptionSpec",
          "A setting.",
          { name: required(text("Name.")), value: optional(text("Value.")) },
          [
            {
              cel: "self.name != 'policy-mode' || (has(self.value) && self.value in ['enforce', 'monitor'])",
              message: "policy-mode is enforce or monitor",
              hint: "Write `value: enforce` or `value: monitor`.",
              at: "value",
            },
          ],
        ),
        { admission: { maxItems: languageLimits.options } },
      ),
    ),
    selectorsMacros: optional(
      map("Parts of selectors by name.", selectorSchema, { admission: { shapeOnly: true } }),
    ),
  },
  specRules,
);

export const tracingPolicySchema = object("TracingPolicy", "A tracing policy.", {
  apiVersion: required(
    oneOf("Version of the kind.", ["cilium.io/v1alpha1", "gander.dev/v1alpha1"]),
  ),
  kind: required(oneOf("For the whole cluster, or for one namespace.", policyKindNames)),
  metadata: required(metadata),
  spec: required(tracingPolicySpec),
  status: optional(any("Written by the operator.")),
});

/** Read and checked, with the schema's defaults filled in. */
export type TracingPolicy = Static<typeof tracingPolicySchema>;
export type TracingPolicySpec = Static<typeof tracingPolicySpec>;
