// SPDX-License-Identifier: Apache-2.0

/** What of a manifest never changes. */
type Lists = {
  readonly policies: readonly object[];
  readonly rules: readonly object[];
  readonly sets: readonly (readonly [id: number, content: object])[];
};

/**
 * The manifest as JSON. It is written twice for each change of a policy, and next to all of it is policies and rules
 * that have not changed since: plain data that never does, so their texts are kept with them.
 */
export function manifestText(manifest: Lists): string {
  const { policies, rules, sets, ...rest } = manifest;
  const contents = sets.map(([id, content]) => `[${id},${keptText(content)}]`);
  const lists = Object.entries({
    policies: policies.map(keptText),
    rules: rules.map(keptText),
    sets: contents,
  });
  const parts = [
    ...Object.entries(rest).flatMap(([name, value]) =>
      value === undefined ? [] : [`"${name}":${textOf(value)}`],
    ),
    ...lists.map(([name, texts]) => `"${name}":[${texts.join()}]`),
  ];
  return `{${parts.join()}}`;
}

export function readManifestText(text: string): unknown {
  return JSON.parse(text, reviveBigint);
}

const kept = new WeakMap<object, string>();

function keptText(value: object): string {
  const known = kept.get(value);
  if (known !== undefined) return known;
  const text = textOf(value);
  kept.set(value, text);
  return text;
}

function textOf(value: unknown): string {
  return JSON.stringify(value, replaceBigint);
}

function replaceBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? { $bigint: value.toString() } : value;
}

function reviveBigint(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("$bigint" in value)) return value;
  return BigInt(String(value.$bigint));
}
