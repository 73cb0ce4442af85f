// SPDX-License-Identifier: Apache-2.0

type CoalesceOptions = {
  /** Flush this long after the last change. */
  readonly quietMs?: number;
  /** Flush this long after the first change at the latest. */
  readonly maxMs?: number;
};

export type Coalescer<T> = {
  add(items: Iterable<T>): void;
  /** Discards the gathered changes. */
  close(): void;
};

/** Gathers changes that are close in time, such as those of one rollout or one `kubectl apply`. */
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
