// SPDX-License-Identifier: Apache-2.0

/** The fields of every object; a projection declares the others that it reads. */
export type KubeObject = {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
};

/** A type of @kubernetes/client-node as on the wire, where times are texts. */
export type Raw<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? Raw<U>[]
    : T extends object
      ? { [K in keyof T]: Raw<T[K]> }
      : T;

export function isKubeObject(value: unknown): value is KubeObject {
  if (typeof value !== "object" || value === null || !("metadata" in value)) return false;
  const { metadata } = value;
  return (
    typeof metadata === "object" &&
    metadata !== null &&
    "name" in metadata &&
    typeof metadata.name === "string" &&
    "uid" in metadata &&
    typeof metadata.uid === "string" &&
    "resourceVersion" in metadata &&
    typeof metadata.resourceVersion === "string"
  );
}
