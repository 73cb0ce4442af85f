// SPDX-License-Identifier: Apache-2.0

/** A kind of object as named in its path: `{ group: "", version: "v1", plural: "pods" }`. */
export type Resource = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
};

/** Selects objects of a resource; without any of the fields, the whole cluster. */
export type Place = {
  /** Absent for cluster-scoped kinds, or for all namespaces of other kinds. */
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
};

/** The path below the server's address (Kubernetes API concepts, "Resource URIs"). */
export function resourcePath(resource: Resource, place: Place = {}): string {
  const { group, version, plural } = resource;
  const parts = group === "" ? ["api", version] : ["apis", group, version];
  if (place.namespace !== undefined) parts.push("namespaces", place.namespace);
  parts.push(plural);
  if (place.name !== undefined) parts.push(place.name);
  if (place.subresource !== undefined) parts.push(place.subresource);
  return `/${parts.map(encodeURIComponent).join("/")}`;
}

/** `namespace/name`, or the name alone; the key that stores and queues use. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}
