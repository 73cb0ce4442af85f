// SPDX-License-Identifier: Apache-2.0
import { any, map, object, optional, required, text } from "./schema.ts";

/** Kubernetes' own metadata; only name and namespace matter here. */
export const metadata = object("ObjectMeta", "Name and labels of the object.", {
  name: required(text("Name.", { maxLength: 253 })),
  namespace: optional(text("Namespace.", { maxLength: 63 })),
  labels: optional(map("Labels.", text("Value."))),
  annotations: optional(map("Annotations.", text("Value."))),
  generateName: optional(any("Set by Kubernetes.")),
  uid: optional(any("Set by Kubernetes.")),
  resourceVersion: optional(any("Set by Kubernetes.")),
  generation: optional(any("Set by Kubernetes.")),
  creationTimestamp: optional(any("Set by Kubernetes.")),
  deletionTimestamp: optional(any("Set by Kubernetes.")),
  deletionGracePeriodSeconds: optional(any("Set by Kubernetes.")),
  ownerReferences: optional(any("Set by Kubernetes.")),
  finalizers: optional(any("Set by Kubernetes.")),
  managedFields: optional(any("Set by Kubernetes.")),
  selfLink: optional(any("Set by Kubernetes.")),
});
