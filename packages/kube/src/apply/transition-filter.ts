// SPDX-License-Identifier: Apache-2.0

/** Remembers states of objects, to distinguish changes from repetitions. */
export type TransitionFilter = {
  /** Records a state; true if it is new or differs from the previous one. */
  changes(uid: string, aspect: string, state: string): boolean;
  forget(uid: string): void;
};

/** For at most `capacity` objects; the one that changed longest ago is forgotten first. */
export function createTransitionFilter(capacity: number): TransitionFilter {
  const objects = new Map<string, Map<string, string>>();
  return {
    changes(uid, aspect, state) {
      const aspects = objects.get(uid) ?? new Map<string, string>();
      if (aspects.get(aspect) === state) return false;
      aspects.set(aspect, state);
      objects.delete(uid);
      objects.set(uid, aspects);
      for (const oldest of objects.keys()) {
        if (objects.size <= capacity) break;
        objects.delete(oldest);
      }
      return true;
    },
    forget(uid) {
      objects.delete(uid);
    },
  };
}
