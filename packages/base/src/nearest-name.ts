// SPDX-License-Identifier: Apache-2.0

/**
 * The candidate that `word` probably means, or undefined if none is near enough.
 * Case and separators count little: `match_args` is near to `matchArgs`. One that means the opposite is never near:
 * `NotSubString` is not a misspelt `SubString`.
 */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  const plain = simplify(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1;
  const negates = isNegated(word);
  for (const candidate of candidates) {
    if (isNegated(candidate) !== negates) continue;
    const other = simplify(candidate);
    if (Math.abs(other.length - plain.length) >= bestDistance) continue;
    const distance = editDistance(plain, other, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `NotIn`, `NoPost`, `no-color`, `UntrackSock`, but not `NotifyEnforcer` and `node`. */
const isNegated = (word: string): boolean =>
  /^(?:not(?!if)|no[-_ .]|un(?=track|follow))/i.test(word) || /^[Nn]o(?=[A-Z])/.test(word);

const simplify = (text: string): string =>
  text
    .slice(0, 128)
    .toLowerCase()
    .replace(/[-_ .]/g, "");

/** Optimal string alignment distance; gives `limit` as soon as it cannot stay below. */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let smallest = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        value = Math.min(value, at(beforeLast, j - 2) + 1);
      }
      row.push(value);
      smallest = Math.min(smallest, value);
    }
    if (smallest >= limit) return limit;
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

const at = (row: readonly number[], i: number): number => row[i] ?? Number.POSITIVE_INFINITY;
