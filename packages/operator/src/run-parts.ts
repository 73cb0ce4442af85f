// SPDX-License-Identifier: Apache-2.0
import type { OperatorPart } from "./operator-part.ts";

type RunningParts = AsyncDisposable & {
  /** Rejects when a part fails, or ends without being told to. Never resolves. */
  readonly failed: Promise<never>;
};

/** Runs parts side by side; disposing stops them and waits until they have ended. */
export function runParts(parts: readonly Pick<OperatorPart, "name" | "run">[]): RunningParts {
  const stop = new AbortController();
  const { signal } = stop;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const runs = parts.map(async (part) => {
    try {
      await part.run({ signal });
      if (!signal.aborted) throw new Error(`The operator's part "${part.name}" ended by itself`);
    } catch (error) {
      failed.reject(error);
    }
  });
  return {
    failed: failed.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(runs);
    },
  };
}
