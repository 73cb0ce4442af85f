// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { KubeError } from "../client/kube-error.ts";
import { objectKey } from "../client/resource.ts";
import { isKubeObject, type KubeObject } from "./kube-object.ts";
import { withoutManagedFields } from "./managed-fields.ts";
import type { Projection, WritableStore } from "./object-store.ts";

export type ObjectSink = {
  /** An item of a list. Throws `kube-protocol` if it is not an object. */
  item(bytes: Buffer): void;
  set(object: KubeObject): void;
  delete(object: KubeObject): void;
  readonly projectionFailures: number;
};

type ObjectSinkOptions<T extends Projection, O extends KubeObject> = {
  readonly project: (object: O) => T | undefined;
  readonly logger: Logger;
};

/** Projects objects into a store; the parsed objects are discarded at once. */
export function createObjectSink<T extends Projection, O extends KubeObject>(
  store: WritableStore<T>,
  { project, logger }: ObjectSinkOptions<T, O>,
): ObjectSink {
  let projectionFailures = 0;

  function set(object: KubeObject): void {
    const key = keyOf(object);
    try {
      // The caller declares the type of the resource's objects.
      const value = project(object as O);
      if (value === undefined) store.delete(key);
      else store.set(key, value);
    } catch (error) {
      if (projectionFailures++ === 0) {
        logger.error("An object cannot be projected; its last state is kept", { key, error });
      }
      // It still exists: a list in progress must not treat it as deleted.
      const last = store.get(key);
      if (last !== undefined) store.set(key, last);
    }
  }

  return {
    get projectionFailures() {
      return projectionFailures;
    },
    item: (bytes) => set(parseItem(bytes)),
    set,
    delete: (object) => store.delete(keyOf(object)),
  };
}

function keyOf({ metadata }: KubeObject): string {
  return objectKey(metadata.namespace, metadata.name);
}

function parseItem(bytes: Buffer): KubeObject {
  let object: unknown;
  let cause: unknown;
  try {
    object = JSON.parse(withoutManagedFields(bytes));
  } catch (error) {
    cause = error;
  }
  if (isKubeObject(object)) return object;
  throw new KubeError(
    "kube-protocol",
    "Cannot read the list: an item is not an object with a name",
    {
      retryable: true,
      cause,
    },
  );
}
