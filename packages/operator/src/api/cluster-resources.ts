// SPDX-License-Identifier: Apache-2.0
import { policyKindNames, resourceOf } from "@gander/crd-schemas";
import type { Kind, Resource } from "@gander/kube";
import type { PolicyObject } from "./policy-catalog.ts";

export const pods: Resource = { group: "", version: "v1", plural: "pods" };
export const nodes: Resource = { group: "", version: "v1", plural: "nodes" };
export const secrets: Kind = { group: "", version: "v1", plural: "secrets", kind: "Secret" };
export const configMaps: Kind = {
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
};

/** The kinds of policy objects. */
export const policyKinds: readonly (Kind & { readonly kind: PolicyObject["kind"] })[] =
  policyKindNames.map(resourceOf);
