// SPDX-License-Identifier: Apache-2.0
import type { ChartValue } from "./chart-value.ts";

/** Values by the parts of their paths. */
export type ValueTree = { readonly [key: string]: ValueTree | ChartValue };

/** Throws an Error if a path occurs twice, or is also part of another. */
export function valueTree(values: readonly ChartValue[]): ValueTree {
  const root: Record<string, unknown> = {};
  for (const value of values) {
    const parts = value.path.split(".");
    const last = parts.pop() ?? "";
    let at = root;
    for (const part of parts) {
      const next = (at[part] ?? {}) as Record<string, unknown>;
      at[part] = next;
      if (isValue(next)) throw new Error(`${value.path} is below another value`);
      at = next;
    }
    if (last in at) throw new Error(`${value.path} is there twice`);
    at[last] = value;
  }
  return root as ValueTree;
}

export const isValue = (node: unknown): node is ChartValue =>
  typeof node === "object" && node !== null && typeof Object(node).schema === "object";
