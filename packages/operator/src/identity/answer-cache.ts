// SPDX-License-Identifier: Apache-2.0

type AnswerCacheOptions<T> = {
  /** Maximum number of answers; the oldest is evicted first. */
  readonly size: number;
  /** How long an answer is used. */
  readonly lifeMs: (answer: T) => number;
  /** Monotonic milliseconds; performance.now if absent. */
  readonly now?: () => number;
};

/** Returns the answer for a key: a cached or pending one, else it asks. Failures aren't cached. */
export function createAnswerCache<T>({
  size,
  lifeMs,
  now = () => performance.now(),
}: AnswerCacheOptions<T>) {
  const answers = new Map<string, { readonly answer: T; readonly untilMs: number }>();
  const asked = new Map<string, Promise<T>>();
  const keep = (key: string, answer: T) => {
    answers.delete(key);
    for (const [oldest] of answers) {
      if (answers.size < size) break;
      answers.delete(oldest);
    }
    answers.set(key, { answer, untilMs: now() + lifeMs(answer) });
    return answer;
  };
  return async (key: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(key);
    if (known !== undefined && now() < known.untilMs) return known.answer;
    let asking = asked.get(key);
    if (asking === undefined) {
      asking = ask()
        .then((answer) => keep(key, answer))
        .finally(() => asked.delete(key));
      asked.set(key, asking);
    }
    return asking;
  };
}
