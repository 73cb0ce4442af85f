// SPDX-License-Identifier: Apache-2.0
import { containerSelector, hostSelector, labelSelector } from "./label-selector.ts";
import { languageLimits } from "./language-limits.ts";
import { metadata } from "./object-meta.ts";
import type { AdmissionRule, Static } from "./schema.ts";
import {
  any,
  bool,
  byDefault,
  list,
  object,
  oneOf,
  optional,
  required,
  text,
  time,
} from "./schema.ts";

export const exceptionKinds = ["PolicyException", "PolicyExceptionNamespaced"] as const;

export type ExceptionKind = (typeof exceptionKinds)[number];

export const isExceptionKind = (kind: unknown): kind is ExceptionKind =>
  exceptionKinds.some((one) => one === kind);

/** On a policy for the whole cluster: exceptions of namespaces apply to it as well, with this value. */
export const namespacedExceptionsAnnotation = {
  key: "gander.dev/namespaced-exceptions",
  value: "allowed",
} as const;

/** What a reason begins with that has not been written yet. */
export const unwrittenReason = "TODO";

const { exceptionEntries, exceptionValues } = languageLimits;

const operator = required(oneOf("How paths are compared.", ["In", "Prefix", "Postfix"]));

const values = required(
  list("Paths, or the beginning or end of them.", text("Path."), {
    maxItems: exceptionValues,
    admission: { minItems: 1 },
  }),
);

const exceptedBinaries = object("ExceptedBinaries", "Programs, by the path of the running file.", {
  operator,
  values,
  followChildren: byDefault(false, bool("Descendants are excepted as well; with In.")),
  identity: byDefault(
    "path",
    oneOf("file: the very file that the node has at the path.", ["path", "file"]),
  ),
});

const exceptedPaths = object("ExceptedPaths", "Files, by the path of the file argument.", {
  operator,
  values,
});

export const policyExceptionSpec = object(
  "PolicyExceptionSpec",
  "What policies do not apply to. All that is given must fit: workloads, program and file.",
  {
    reason: required(
      text("Why, for those who find it later.", {
        maxLength: 1024,
        admission: { minLength: 1 },
      }),
    ),
    expires: optional(time("It ends then, on each node. Absent: with the object.")),
    policies: optional(
      list(
        "Names of policies. Of a namespace: `NAMESPACE/NAME`. `*`: all.",
        text("Name of a policy, or `*`.", { maxLength: 320 }),
        { maxItems: exceptionValues },
      ),
    ),
    policySelector: optional(labelSelector("Instead: policies by their labels.")),
    podSelector: optional(labelSelector("Pods, by their labels.")),
    containerSelector: optional(containerSelector("Containers of the pods.")),
    namespaces: optional(
      list("Pods of these namespaces.", text("Namespace.", { maxLength: 63 }), {
        maxItems: exceptionValues,
      }),
    ),
    hostSelector: optional(hostSelector),
    binaries: optional(
      list("Programs; one of these must fit.", exceptedBinaries, { maxItems: exceptionEntries }),
    ),
    paths: optional(
      list("Files; each file argument of the call must fit one of these.", exceptedPaths, {
        maxItems: exceptionEntries,
      }),
    ),
    everything: byDefault(
      false,
      bool("true: it is meant to restrict nothing, or all pods, all programs, all files."),
    ),
  },
);

const restricts = [
  "has(self.podSelector)",
  "has(self.containerSelector)",
  "has(self.hostSelector)",
  "has(self.namespaces)",
  "has(self.binaries)",
  "has(self.paths)",
  "(has(self.everything) && self.everything)",
].join(" || ");

/** The plainest mistakes, even if no operator answers. */
export const exceptionRules: readonly AdmissionRule[] = [
  {
    cel: `!self.reason.startsWith('${unwrittenReason}')`,
    message: "the reason has not been written",
    hint: "Say why, for those who find it later.",
    at: "reason",
  },
  {
    cel: "has(self.policies) != has(self.policySelector)",
    message: "the exception must have either policies or policySelector",
    hint: "Write `policies: [NAME]`.",
  },
  {
    cel: restricts,
    message: "nothing restricts the exception",
    hint: "Name workloads, binaries or paths, or write `everything: true`.",
  },
];

/** An exception of one namespace can't name others, nor the host. */
export const namespacedExceptionRules: readonly AdmissionRule[] = [
  ...exceptionRules,
  ...(["hostSelector", "namespaces"] as const).map((field) => ({
    cel: `!has(self.${field})`,
    message: `an exception of a namespace cannot have ${field}`,
    hint: `Remove it: the exception is for the pods of its namespace.`,
    at: field,
  })),
];

export const policyExceptionSchema = object("PolicyException", "What policies do not apply to.", {
  apiVersion: required(oneOf("Version of the kind.", ["gander.dev/v1alpha1"])),
  kind: required(oneOf("For the whole cluster, or for one namespace.", exceptionKinds)),
  metadata: required(metadata),
  spec: required(policyExceptionSpec),
  status: optional(any("Of no kind of exception.")),
});

/** Read and checked, with the schema's defaults filled in. */
export type PolicyException = Static<typeof policyExceptionSchema>;
export type PolicyExceptionSpec = Static<typeof policyExceptionSpec>;
export type ExceptedBinariesSpec = Static<typeof exceptedBinaries>;
export type ExceptedPathsSpec = Static<typeof exceptedPaths>;
