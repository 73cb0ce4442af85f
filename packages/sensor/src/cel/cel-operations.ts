// SPDX-License-Identifier: Apache-2.0
import { CelError, CelTime, type CelValue } from "./cel-value.ts";

/** The remaining cost of an evaluation. */
export type CelBudget = { budget: number };

/** Throws CelError when the budget is spent. */
export function charge(run: CelBudget, cost: number): void {
  run.budget -= cost;
  if (run.budget < 0) throw new CelError("the expression takes too long");
}

/**
 * Equality as in the language: numbers by value whatever their type, different types are unequal. Every
 * element is charged: a list may contain the same list many times, and that one another.
 */
export function isEqual(a: CelValue, b: CelValue, run: CelBudget): boolean {
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b) && compareNumbers(a, b) === 0;
  if (a instanceof CelTime && b instanceof CelTime) return a.kind === b.kind && a.ns === b.ns;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (Array.isArray(a) && Array.isArray(b)) {
    charge(run, a.length);
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index], run));
  }
  if (a instanceof Map && b instanceof Map) {
    charge(run, a.size);
    return (
      a.size === b.size && [...a].every(([key, item]) => isEqual(item, b.get(key) ?? null, run))
    );
  }
  return a === b;
}

/** Negative, 0 or positive. Throws CelError for values without an order. */
export function compare(a: CelValue, b: CelValue): number {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof CelTime && b instanceof CelTime && a.kind === b.kind)
    return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0;
  throw new CelError("values cannot be compared");
}

/** `+ - * / %` */
export function calculate(operator: string, a: CelValue, b: CelValue): CelValue {
  if (typeof a === "bigint" && typeof b === "bigint") return inRange(integer(operator, a, b));
  if (typeof a === "number" && typeof b === "number") return double(operator, a, b);
  if (a instanceof CelTime && b instanceof CelTime) return times(operator, a, b);
  if (operator === "+" && typeof a === "string" && typeof b === "string") return a + b;
  if (operator === "+" && Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  throw new CelError(`values cannot be used with ${operator}`);
}

/** `-x` */
export function negate(value: CelValue): CelValue {
  if (typeof value === "bigint") return inRange(-value);
  if (typeof value === "number") return -value;
  throw new CelError("only numbers can be negated");
}

/** Characters, elements or entries. */
export function sizeOf(value: CelValue): bigint {
  if (typeof value === "string") return BigInt([...value].length);
  if (value instanceof Uint8Array || Array.isArray(value)) return BigInt(value.length);
  if (value instanceof Map) return BigInt(value.size);
  throw new CelError("value has no size");
}

const isNumber = (value: CelValue): value is bigint | number =>
  typeof value === "bigint" || typeof value === "number";

function compareNumbers(a: bigint | number, b: bigint | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function integer(operator: string, a: bigint, b: bigint): bigint {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (b === 0n) throw new CelError("division by zero");
  return operator === "/" ? a / b : a % b;
}

function double(operator: string, a: number, b: number): number {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (operator === "/") return a / b;
  throw new CelError("% is for integers");
}

function times(operator: string, a: CelTime, b: CelTime): CelTime {
  const isPoint = a.kind === "timestamp" || b.kind === "timestamp";
  if (operator === "+" && !(a.kind === "timestamp" && b.kind === "timestamp"))
    return new CelTime(isPoint ? "timestamp" : "duration", a.ns + b.ns);
  if (operator === "-" && (a.kind === "timestamp" || b.kind === "duration"))
    return new CelTime(a.kind === b.kind ? "duration" : "timestamp", a.ns - b.ns);
  throw new CelError(`times cannot be used with ${operator}`);
}

function inRange(value: bigint): bigint {
  if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new CelError("integer overflow");
  return value;
}
