// SPDX-License-Identifier: Apache-2.0
import type { KubeClient } from "../client/client.ts";
import { objectKey, type Resource, resourcePath } from "../client/resource.ts";
import type { WritePermit } from "../client/write-permit.ts";

/** The owner of the written fields; each writing component has its own name. */
export type Writer = {
  readonly permit: WritePermit;
  readonly fieldManager: string;
  readonly signal?: AbortSignal;
};

/** The part of an object that this manager owns: it gives up omitted fields. */
export type AppliedObject = {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly unknown[];
    /** Set only to require this version; otherwise the newest state is merged with. */
    readonly resourceVersion?: string;
    /** Set only to require this object, not a successor of its name. */
    readonly uid?: string;
  };
  readonly [field: string]: unknown;
};

export type Kind = Resource & { readonly kind: string };

type ApplyOptions = {
  /** Takes over fields that other managers own; otherwise such a field is a `kube-field-conflict`. */
  readonly onConflict?: "fail" | "take";
  /** The server checks and answers, but stores nothing. */
  readonly mode?: "store" | "dry-run";
};

/**
 * Creates the object or updates its fields, by server-side apply. Returns the whole object in its new
 * state. Throws KubeError: `kube-field-conflict` names managers and fields, `kube-invalid` the refused
 * fields (including those the schema doesn't have), `kube-conflict` a stale version or another uid. A
 * deleted object is created again, even if a version was required; not if its uid was.
 */
export function applyObject<T = unknown>(
  client: KubeClient,
  kind: Kind,
  object: AppliedObject,
  options: Writer & ApplyOptions,
): Promise<T> {
  return patch(client, kind, object, { ...options, verb: "apply" });
}

/** The same for the object's `status` alone; the object must exist. */
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

/** Deletes an object; it is no error if the object is already deleted. */
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
      // Otherwise a successor of the same name would be deleted.
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
      // A silently dropped field would be a broken promise.
      fieldValidation: "Strict",
      dryRun: mode === "dry-run" ? "All" : undefined,
    },
    // JSON is YAML; the API server accepts apply patches under this name only.
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
