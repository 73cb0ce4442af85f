// SPDX-License-Identifier: Apache-2.0

/** The stored part of an object. The uid distinguishes it from a successor of the same name. */
export type Projection = { readonly uid: string };

export type Change<T extends Projection> =
  | { readonly type: "added"; readonly key: string; readonly value: T }
  | { readonly type: "updated"; readonly key: string; readonly value: T; readonly previous: T }
  | { readonly type: "deleted"; readonly key: string; readonly previous: T };

/** The objects in their last known state, by `namespace/name`. */
export type ObjectStore<T extends Projection> = {
  readonly size: number;
  get(key: string): T | undefined;
  keys(): IterableIterator<string>;
  values(): IterableIterator<T>;
  entries(): IterableIterator<[string, T]>;
};

export type WritableStore<T extends Projection> = ObjectStore<T> & {
  set(key: string, value: T): void;
  delete(key: string): void;
  /** Starts a whole list: until `endList`, each `set` marks its key as part of it. */
  beginList(): void;
  /** The list is complete: objects not in it are deleted. */
  endList(): void;
};

type StoreOptions<T extends Projection> = {
  /** Whether two projections of one object are equal; then no change is reported. */
  readonly equal: (a: T, b: T) => boolean;
  readonly onChange: (change: Change<T>) => void;
};

export function createObjectStore<T extends Projection>(
  options: StoreOptions<T>,
): WritableStore<T> {
  const { equal, onChange } = options;
  const objects = new Map<string, T>();
  let listed: Set<string> | undefined;

  function remove(key: string, previous: T): void {
    objects.delete(key);
    onChange({ type: "deleted", key, previous });
  }

  return {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key),
    keys: () => objects.keys(),
    values: () => objects.values(),
    entries: () => objects.entries(),
    set(key, value) {
      listed?.add(key);
      const previous = objects.get(key);
      if (previous !== undefined && previous.uid !== value.uid) remove(key, previous);
      const same = previous?.uid === value.uid ? previous : undefined;
      if (same !== undefined && equal(same, value)) return;
      objects.set(key, value);
      if (same === undefined) onChange({ type: "added", key, value });
      else onChange({ type: "updated", key, value, previous: same });
    },
    delete(key) {
      const previous = objects.get(key);
      if (previous !== undefined) remove(key, previous);
    },
    beginList() {
      listed = new Set();
    },
    endList() {
      if (listed === undefined) return;
      for (const [key, previous] of objects) {
        if (!listed.has(key)) remove(key, previous);
      }
      listed = undefined;
    },
  };
}
