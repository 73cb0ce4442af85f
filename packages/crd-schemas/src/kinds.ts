// SPDX-License-Identifier: Apache-2.0
import {
  exceptionRules,
  namespacedExceptionRules,
  policyExceptionSpec,
} from "./policy-exception.ts";
import { policyStatusStatus, tracingPolicyStatus } from "./policy-status.ts";
import type { AdmissionRule, Schema } from "./schema.ts";
import { tracingPolicySpec } from "./tracing-policy.ts";
import { valueSetSpec } from "./value-set.ts";

/** The properties in which kinds of custom resources differ. */
export type Kind = {
  readonly group: "cilium.io" | "gander.dev";
  readonly version: "v1alpha1";
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly categories: readonly string[];
  readonly scope: "Cluster" | "Namespaced";
  readonly help: string;
  readonly spec?: Schema;
  /** Requirements for the spec beyond its schema. */
  readonly specRules?: readonly AdmissionRule[];
  readonly status?: Schema;
  /** The status has a path of its own; until it is written, it has this value. */
  readonly statusSubresource?: { readonly unset: Readonly<Record<string, unknown>> };
  readonly columns: readonly Column[];
};

export type Column = {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly help: string;
  /** 1: with `-o wide` only. */
  readonly priority?: 1;
};

const age: Column = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  help: "When it was created.",
};

const columns: readonly Column[] = [
  { name: "Mode", type: "string", jsonPath: ".status.mode", help: "What it does." },
  {
    name: "Ready",
    type: "string",
    jsonPath: ".status.nodes.readyOfTotal",
    help: "Nodes where it is in force, of those that it applies to.",
  },
  {
    name: "Revision",
    type: "integer",
    jsonPath: ".status.revision",
    help: "The revision that nodes are sent.",
  },
  { name: "Hits", type: "integer", jsonPath: ".status.hits", help: "Calls that reached it." },
  {
    name: "Enforced",
    type: "integer",
    jsonPath: ".status.enforced",
    help: "Calls that were denied or whose process was killed.",
  },
  { name: "Lost", type: "integer", jsonPath: ".status.lost", help: "Events that were lost." },
  age,
  {
    name: "Reason",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Ready")].reason',
    help: "Why it is or isn't ready.",
  },
  {
    name: "Message",
    type: "string",
    jsonPath: '.status.conditions[?(@.type=="Ready")].message',
    help: "The same for people.",
    priority: 1,
  },
];

const policy = {
  group: "cilium.io",
  version: "v1alpha1",
  // Commands and documents of other projects use their own category.
  categories: ["gander", "tetragon"],
  spec: tracingPolicySpec,
  status: tracingPolicyStatus,
  // Tools that follow kstatus consider an object without observedGeneration complete.
  statusSubresource: { unset: { observedGeneration: -1 } },
  columns,
} as const;

const guardPolicy = { ...policy, group: "gander.dev", categories: ["gander"] } as const;

/** Requirements for policies of one namespace. */
const namespacedRules: readonly AdmissionRule[] = [
  {
    cel: "!has(self.hostSelector)",
    message: "a namespaced policy cannot select processes of the host",
    hint: "Use a kind for the whole cluster, or remove hostSelector.",
    at: "hostSelector",
  },
];

const policyStatus = {
  group: "gander.dev",
  version: "v1alpha1",
  categories: ["gander"],
  // No path of its own: only the operator writes these, so it creates or repairs one in one request.
  status: policyStatusStatus,
  columns,
} as const;

const policyException = {
  group: "gander.dev",
  version: "v1alpha1",
  categories: ["gander"],
  spec: policyExceptionSpec,
  // Its effect is in the status of each policy that it is for.
  columns: [
    {
      name: "Expires",
      type: "string",
      jsonPath: ".spec.expires",
      help: "When it ends on each node.",
    },
    { name: "Reason", type: "string", jsonPath: ".spec.reason", help: "Why there is one." },
    age,
  ],
} as const;

export const kinds: readonly Kind[] = [
  {
    ...policy,
    kind: "TracingPolicy",
    plural: "tracingpolicies",
    shortName: "tgtp",
    scope: "Cluster",
    help: "What is watched in the whole cluster, and what is done about it.",
  },
  {
    ...policy,
    kind: "TracingPolicyNamespaced",
    plural: "tracingpoliciesnamespaced",
    shortName: "tgtpn",
    scope: "Namespaced",
    help: "What is watched in the pods of one namespace, and what is done about it.",
    specRules: namespacedRules,
  },
  {
    ...guardPolicy,
    kind: "GuardPolicy",
    plural: "guardpolicies",
    shortName: "ggp",
    scope: "Cluster",
    help: "A TracingPolicy with the filters that only Gander has.",
  },
  {
    ...guardPolicy,
    kind: "GuardPolicyNamespaced",
    plural: "guardpoliciesnamespaced",
    shortName: "ggpn",
    scope: "Namespaced",
    help: "A TracingPolicyNamespaced with the filters that only Gander has.",
    specRules: namespacedRules,
  },
  {
    ...policyStatus,
    kind: "PolicyStatus",
    plural: "policystatuses",
    shortName: "gps",
    scope: "Cluster",
    help: "The status of the policy of the same name on all nodes.",
  },
  {
    ...policyStatus,
    kind: "PolicyStatusNamespaced",
    plural: "policystatusesnamespaced",
    shortName: "gpsn",
    scope: "Namespaced",
    help: "The status of the policy of the same name and namespace on all nodes.",
  },
  {
    group: "gander.dev",
    version: "v1alpha1",
    kind: "ValueSet",
    plural: "valuesets",
    shortName: "gvs",
    categories: ["gander"],
    scope: "Cluster",
    help: "Values that filters of GuardPolicies refer to by name.",
    spec: valueSetSpec,
    columns: [age],
  },
  {
    ...policyException,
    kind: "PolicyException",
    plural: "policyexceptions",
    shortName: "gpx",
    scope: "Cluster",
    help: "What policies do not apply to, and why.",
    specRules: exceptionRules,
  },
  {
    ...policyException,
    kind: "PolicyExceptionNamespaced",
    plural: "policyexceptionsnamespaced",
    shortName: "gpxn",
    scope: "Namespaced",
    help: "What policies do not apply to in the pods of one namespace, and why.",
    specRules: namespacedExceptionRules,
  },
];

/** Where its objects are in the API. @throws TypeError: it is none of `kinds`. */
export function resourceOf<Name extends string>(name: Name) {
  const found = kinds.find(({ kind }) => kind === name);
  if (found === undefined) throw new TypeError(`there is no kind ${name}`);
  const { group, version, plural } = found;
  return { group, version, plural, kind: name };
}
