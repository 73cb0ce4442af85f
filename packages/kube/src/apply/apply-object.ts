// SPDX-License-Identifier: Apache-2.0
import type { KubeClient } from "../client/client.ts";
import { objectKey, type Resource, resourcePath } from "../client/resource.ts";
import type { WritePermit } from "../client/write-permit.ts";

/** The owner of the written fields; each part that writes has its own name. */
export type Writer = {
  readonly permit: WritePermit;
  readonly fieldManager: string;
  readonly signal?: AbortSignal;
};

/** The part of an object that this manager owns: fields left out are given up. */
export type AppliedObject = {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly unknown[];
    /** Only if it must be this version: else the newest state is merged with. */
    readonly resourceVersion?: string;
    /** Only if it must be this object, not a successor of its name. */
    readonly uid?: string;
  };
  readonly [field: string]: unknown;
};

export type Kind = Resource & { readonly kind: string };

export type ApplyOptions = {
  /** Takes fields over that other managers own; without it that is a `kube-field-conflict`. */
  readonly onConflict?: "fail" | "take";
  /** The server checks and answers, but stores nothing. */
  readonly mode?: "store" | "dry-run";
};

/**
 * Creates the object or makes its fields so, by server-side apply. Gives the whole object as it is
 * now. Throws KubeError: `kube-field-conflict` names managers and fields, `kube-invalid` the fields
 * that are refused (a field the schema doesn't know is one), `kube-conflict` a stale version or
 * another uid. An object that is gone is created, also when a version of it was demanded; not when
 * its uid was.
 */
export function applyObject<T = unknown>(
  client: KubeClient,
  kind: Kind,
  object: AppliedObject,
  options: Writer & ApplyOptions,
): Promise<T> {
  return patch(client, kind, object, { ...options, verb: "apply" });
}

/** The same for the object's `status`, and that alone; the object has to exist. */
export function applyStatus<T = unknown>(
  client: KubeClient,
  kind: Kind,
  object: AppliedObject,
  options: Writer & ApplyOptions,
): Promise<T> {
  return patch(client, kind, object, {
    ...options,
    verb: "apply the status of",
    subresource: "status",
  });
}

/** Deletes an object; one that is gone already is no error. */
export async function deleteObject(
  client: KubeClient,
  resource: Resource,
  place: { readonly namespace?: string; readonly name: string; readonly uid?: string },
  writer: Omit<Writer, "fieldManager">,
): Promise<void> {
  const { namespace, name, uid } = place;
  try {
    await client.write({
      ...writer,
      task: `delete ${describe(resource, namespace, name)}`,
      method: "DELETE",
      path: resourcePath(resource, { namespace, name }),
      // Else a successor of the same name would be deleted in its place.
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy: "Background",
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      },
    });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "kube-not-found"))
      throw error;
  }
}

/** Creates an object that must not exist yet. Throws `kube-already-exists`. */
export function createObject<T = unknown>(
  client: KubeClient,
  kind: Kind,
  object: AppliedObject,
  writer: Writer,
): Promise<T> {
  const { namespace, name } = object.metadata;
  const { fieldManager, ...rest } = writer;
  return client.write<T>({
    ...rest,
    task: `create ${describe(kind, namespace, name)}`,
    method: "POST",
    path: resourcePath(kind, { namespace }),
    query: { fieldManager, fieldValidation: "Strict" },
    body: typed(kind, object),
  });
}

function patch<T>(
  client: KubeClient,
  kind: Kind,
  object: AppliedObject,
  options: Writer & ApplyOptions & { readonly verb: string; readonly subresource?: string },
): Promise<T> {
  const { permit, signal, fieldManager, onConflict, mode, verb, subresource } = options;
  const { namespace, name } = object.metadata;
  return client.write<T>({
    task: `${verb} ${describe(kind, namespace, name)}`,
    method: "PATCH",
    path: resourcePath(kind, { namespace, name, subresource }),
    query: {
      fieldManager,
      force: onConflict === "take",
      // A field that is silently dropped would be a promise that isn't kept.
      fieldValidation: "Strict",
      dryRun: mode === "dry-run" ? "All" : undefined,
    },
    // JSON is YAML; the API server takes apply patches under this name only.
    contentType: "application/apply-patch+yaml",
    body: typed(kind, object),
    permit,
    signal,
  });
}

function typed(kind: Kind, object: AppliedObject) {
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  return { apiVersion, kind: kind.kind, ...object };
}

function describe(resource: Resource, namespace: string | undefined, name: string): string {
  return `${resource.plural} "${objectKey(namespace, name)}"`;
}
