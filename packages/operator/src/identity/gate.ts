// SPDX-License-Identifier: Apache-2.0

/** Runs tasks, so many at one time; the others wait in the order they came. */
export function createGate(width: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (running < width) running += 1;
    // Whoever leaves hands the place over.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
