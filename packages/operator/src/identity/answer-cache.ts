// SPDX-License-Identifier: Apache-2.0

export type AnswerCacheOptions<T> = {
  /** Answers at most; the oldest goes first. */
  readonly size: number;
  /** How long an answer is used. */
  readonly lifeMs: (answer: T) => number;
  /** Milliseconds that never go back; performance.now if absent. */
  readonly now?: () => number;
};

/** Gives the answer for a key: a former one, or the one that is being asked for, or asks. Failures aren't kept. */
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
