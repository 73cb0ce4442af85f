// SPDX-License-Identifier: Apache-2.0

import { type LinearRegex, linearRegex } from "@gander/base/linear-regex";
import type { ASTNode } from "@marcbachmann/cel-js";
import { conversions } from "./cel-conversions.ts";
import { calculate, charge, compare, isEqual, negate, sizeOf } from "./cel-operations.ts";
import type { CelSchema } from "./cel-schema.ts";
import { CelError, CelMessage, type CelValue, fieldValue, isFieldSet } from "./cel-value.ts";

/** One evaluation: its remaining budget, and the values of its variables. */
type CelRun = {
  readonly event: Readonly<Record<string, unknown>>;
  /** Decreases with every step; below 0 the evaluation ends. */
  budget: number;
  readonly variables: Map<string, CelValue>;
};

/** Throws CelError if there is no value. */
export type CelProgram = (run: CelRun) => CelValue;

/** A part of the language that is not available here. */
export class CelUnsupported extends Error {
  readonly node: ASTNode;
  constructor(node: ASTNode, message: string) {
    super(message);
    this.node = node;
  }
}

/**
 * Makes a checked expression executable. Every step and every character read is charged to the budget of the
 * run, so neither an expression nor an event can delay the sensor.
 */
export function celProgram(node: ASTNode, schema: CelSchema): CelProgram {
  const program = bare(node, schema);
  return (run) => {
    charge(run, 1);
    return program(run);
  };
}

/** Texts are processed in strides. */
const textCost = (value: CelValue) => (typeof value === "string" ? value.length / 64 : 1);

function bare(node: ASTNode, schema: CelSchema): CelProgram {
  const sub = (inner: ASTNode) => celProgram(inner, schema);
  switch (node.op) {
    case "value": {
      const value = literal(node.args);
      return () => value;
    }
    case "id":
      return identifier(node.args, schema);
    case ".":
      return selection(sub(node.args[0]), node.args[1]);
    case "[]":
      return index(sub(node.args[0]), sub(node.args[1]));
    case "list": {
      const items = node.args.map(sub);
      return (run) => items.map((item) => item(run));
    }
    case "map": {
      const entries = node.args.map(([key, value]) => [sub(key), sub(value)] as const);
      return (run) => new Map(entries.map(([key, value]) => [key(run), value(run)]));
    }
    case "&&":
      return logical(false, sub(node.args[0]), sub(node.args[1]));
    case "||":
      return logical(true, sub(node.args[0]), sub(node.args[1]));
    case "!_": {
      const operand = sub(node.args);
      return (run) => !truth(operand(run));
    }
    case "-_": {
      const operand = sub(node.args);
      return (run) => negate(operand(run));
    }
    case "?:": {
      const [condition, yes, no] = node.args.map(sub) as [CelProgram, CelProgram, CelProgram];
      return (run) => (truth(condition(run)) ? yes(run) : no(run));
    }
    case "call":
      return call(node, node.args[0], node.args[1], schema);
    case "rcall":
      return receiverCall(node, node.args[0], node.args[1], node.args[2], schema);
    case ".?":
    case "[?]":
      throw new CelUnsupported(node, "optional values are not available in filters");
    default:
      return binary(node.op, sub(node.args[0]), sub(node.args[1]));
  }
}

function literal(value: unknown): CelValue {
  // The parser represents unsigned numbers as objects.
  const plain = typeof value === "object" && value !== null ? value.valueOf() : value;
  return plain as CelValue;
}

function identifier(name: string, schema: CelSchema): CelProgram {
  const outer = schema.valueOf(name);
  return (run) => {
    const local = run.variables.get(name);
    if (local !== undefined) return local;
    if (outer === undefined) throw new CelError(`no such name: ${name}`);
    return outer(run.event);
  };
}

function selection(of: CelProgram, name: string): CelProgram {
  return (run) => {
    const value = of(run);
    if (value instanceof CelMessage) return fieldValue(value, name);
    const item = value instanceof Map ? value.get(name) : undefined;
    if (item === undefined) throw new CelError(`no such key: ${name}`);
    return item;
  };
}

function index(of: CelProgram, at: CelProgram): CelProgram {
  return (run) => {
    const value = of(run);
    const key = at(run);
    const item = value instanceof Map ? value.get(key) : (value as CelValue[])[Number(key)];
    if (item === undefined) throw new CelError("no such element");
    return item;
  };
}

/** An error on one side does not matter if the other side alone decides. */
function logical(decisive: boolean, left: CelProgram, right: CelProgram): CelProgram {
  return (run) => {
    let failure: unknown;
    try {
      if (truth(left(run)) === decisive) return decisive;
    } catch (error) {
      failure = error;
    }
    if (truth(right(run)) === decisive) return decisive;
    if (failure !== undefined) throw failure;
    return !decisive;
  };
}

function truth(value: CelValue): boolean {
  if (typeof value === "boolean") return value;
  throw new CelError("neither true nor false");
}

function binary(operator: string, left: CelProgram, right: CelProgram): CelProgram {
  const apply = binaries[operator] ?? ((a: CelValue, b: CelValue) => calculate(operator, a, b));
  return (run) => {
    const a = left(run);
    const b = right(run);
    charge(run, textCost(a) + textCost(b) + lengthOf(a) + lengthOf(b));
    return apply(a, b, run);
  };
}

const lengthOf = (value: CelValue) => (Array.isArray(value) ? value.length : 0);

const binaries: Readonly<Record<string, (a: CelValue, b: CelValue, run: CelRun) => CelValue>> = {
  "==": isEqual,
  "!=": (a, b, run) => !isEqual(a, b, run),
  "<": (a, b) => compare(a, b) < 0,
  "<=": (a, b) => compare(a, b) <= 0,
  ">": (a, b) => compare(a, b) > 0,
  ">=": (a, b) => compare(a, b) >= 0,
  in: (a, b, run) =>
    b instanceof Map ? b.has(a) : (b as CelValue[]).some((item) => isEqual(a, item, run)),
};

function call(
  node: ASTNode,
  name: string,
  args: readonly ASTNode[],
  schema: CelSchema,
): CelProgram {
  const [first] = args;
  if (first === undefined) throw unavailable(node, name);
  if (name === "has") return presence(first, schema);
  const convert = name === "size" ? sizeOf : conversions[name];
  if (convert === undefined || args.length !== 1) throw unavailable(node, name);
  const argument = celProgram(first, schema);
  return (run) => {
    const value = argument(run);
    charge(run, textCost(value));
    return convert(value);
  };
}

function presence(node: ASTNode, schema: CelSchema): CelProgram {
  if (node.op !== ".") throw new CelUnsupported(node, "has() needs a field, such as has(x.y)");
  const [inner, name] = node.args;
  const of = celProgram(inner, schema);
  return (run) => {
    const value = of(run);
    return value instanceof CelMessage
      ? isFieldSet(value, name)
      : value instanceof Map && value.has(name);
  };
}

const textTests: Readonly<Record<string, (text: string, part: string) => boolean>> = {
  contains: (text, part) => text.includes(part),
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
};

function receiverCall(
  node: ASTNode,
  name: string,
  receiver: ASTNode,
  args: readonly ASTNode[],
  schema: CelSchema,
): CelProgram {
  const of = celProgram(receiver, schema);
  const [first, second] = args;
  if (name === "size" && first === undefined)
    return (run) => {
      const value = of(run);
      charge(run, textCost(value));
      return sizeOf(value);
    };
  if (name === "matches" && first !== undefined) return matching(of, first);
  const test = textTests[name];
  if (test !== undefined && first !== undefined) {
    const part = celProgram(first, schema);
    return (run) => {
      const text = textOf(of(run));
      const wanted = textOf(part(run));
      charge(run, textCost(text) + textCost(wanted));
      return test(text, wanted);
    };
  }
  const fold = folds[name];
  if (fold === undefined || first?.op !== "id" || second === undefined || args.length !== 2)
    throw unavailable(node, name);
  return iteration(of, first.args, celProgram(second, schema), fold);
}

function textOf(value: CelValue): string {
  if (typeof value === "string") return value;
  throw new CelError("no text");
}

/** The pattern is compiled once, so it must be known before any event. */
function matching(of: CelProgram, pattern: ASTNode): CelProgram {
  if (pattern.op !== "value" || typeof pattern.args !== "string")
    throw new CelUnsupported(pattern, "matches() needs a pattern in quotes");
  let regex: LinearRegex;
  try {
    regex = linearRegex(pattern.args);
  } catch (error) {
    throw new CelUnsupported(pattern, error instanceof Error ? error.message : String(error));
  }
  // Each character may meet every state of the program.
  const cost = Math.max(0.25, regex.size / 16);
  return (run) => {
    const text = textOf(of(run));
    charge(run, text.length * cost);
    return regex.test(text);
  };
}

/** Combines the results of a test for all items. */
type Fold = (items: readonly CelValue[], test: (item: CelValue) => CelValue) => CelValue;

const folds: Readonly<Record<string, Fold>> = {
  exists: (items, test) => quantified(true, items, test),
  all: (items, test) => quantified(false, items, test),
  exists_one: (items, test) => items.filter((item) => truth(test(item))).length === 1,
  filter: (items, test) => items.filter((item) => truth(test(item))),
  map: (items, test) => items.map(test),
};

function quantified(
  decisive: boolean,
  items: readonly CelValue[],
  test: (item: CelValue) => CelValue,
): boolean {
  let failure: unknown;
  for (const item of items) {
    try {
      if (truth(test(item)) === decisive) return decisive;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return !decisive;
}

function iteration(of: CelProgram, name: string, body: CelProgram, fold: Fold): CelProgram {
  return (run) => {
    const value = of(run);
    const items = value instanceof Map ? [...value.keys()] : (value as readonly CelValue[]);
    const before = run.variables.get(name);
    try {
      return fold(items, (item) => {
        charge(run, 1);
        run.variables.set(name, item);
        return body(run);
      });
    } finally {
      if (before === undefined) run.variables.delete(name);
      else run.variables.set(name, before);
    }
  };
}

function unavailable(node: ASTNode, name: string): CelUnsupported {
  const known = ["has", "size", ...Object.keys(conversions), "matches", ...Object.keys(textTests)];
  const there = [...known, ...Object.keys(folds)].join(", ");
  return new CelUnsupported(node, `${name}() is not available in filters; there are ${there}`);
}
