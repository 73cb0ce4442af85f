// SPDX-License-Identifier: Apache-2.0

export type CoalesceOptions = {
  /** So long after the last change it goes out. */
  readonly quietMs?: number;
  /** So long after the first it goes out in any case. */
  readonly maxMs?: number;
};

export type Coalescer<T> = {
  add(items: Iterable<T>): void;
  /** What has gathered goes nowhere any more. */
  close(): void;
};

/** Gathers changes that come close together, as those of one rollout or one `kubectl apply` do. */
export function coalesce<T>(
  flush: (items: ReadonlySet<T>) => void,
  { quietMs = 100, maxMs = 300 }: CoalesceOptions = {},
): Coalescer<T> {
  let gathered = new Set<T>();
  let latest = 0;
  let timer: NodeJS.Timeout | undefined;
  const go = () => {
    const items = gathered;
    gathered = new Set();
    timer = undefined;
    flush(items);
  };
  return {
    add(items) {
      const added = [...items];
      if (added.length === 0) return;
      for (const item of added) gathered.add(item);
      const now = performance.now();
      if (timer === undefined) latest = now + maxMs;
      clearTimeout(timer);
      timer = setTimeout(go, Math.max(0, Math.min(quietMs, latest - now)));
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
      gathered.clear();
    },
  };
}
