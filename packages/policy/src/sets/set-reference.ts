// SPDX-License-Identifier: Apache-2.0
import { setPrefix } from "@gander/crd-schemas";

/** A value of a filter: the name of a set, or a text to compare with. */
type Written =
  | { readonly set: string; readonly text?: never }
  | { readonly text: string; readonly set?: never };

/** `set:NAME` stands for the values of a set. A text that begins with `set:` is written as `set::…`. */
export function readValue(value: string): Written {
  if (!value.startsWith(setPrefix)) return { text: value };
  const rest = value.slice(setPrefix.length);
  return rest.startsWith(":") ? { text: `${setPrefix}${rest.slice(1)}` } : { set: rest };
}

export const setReference = (name: string): string => `${setPrefix}${name}`;

/** As of an object of Kubernetes that is for the whole cluster. */
const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** As of a namespace (RFC 1123), or of a Service. */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Sets that the operator fills have this in front; no ValueSet can have it. */
export const clusterPrefix = "kubernetes/";

export const isObjectName = (name: string): boolean => name.length <= 253 && objectName.test(name);

export const isNamespaceName = (name: string): boolean => label.test(name);

/** Its objects are those of the cluster: only the operator knows it. */
export const isClusterSet = (name: string): boolean => name.startsWith(clusterPrefix);

/** Undefined: there can be a set of this name; otherwise a hint. */
export function wrongSetName(name: string): string | undefined {
  if (isObjectName(name)) return undefined;
  if (!isClusterSet(name)) return namesHint;
  const rest = name.slice(clusterPrefix.length);
  if (["api-server", "dns", "nodes"].includes(rest)) return undefined;
  const [kind, namespace = "", service = "", ...more] = rest.split("/");
  if (kind !== "service" || more.length > 0 || namespace === "" || service === "")
    return clusterHint;
  return [namespace, service].every((name) => label.test(name)) ? undefined : labelHint;
}

const namesHint =
  "Write `set:` and the name of a ValueSet. A text that begins with `set:` is written as `set::…`.";

const clusterHint =
  "The operator knows kubernetes/api-server, kubernetes/dns, kubernetes/nodes and kubernetes/service/NAMESPACE/NAME.";

const labelHint =
  "Names of namespaces and Services have at most 63 characters: small letters, digits, and - between them.";
