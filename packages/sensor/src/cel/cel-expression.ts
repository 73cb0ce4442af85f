// SPDX-License-Identifier: Apache-2.0
import {
  type ASTNode,
  TypeError as CelTypeError,
  ParseError,
  type ParseResult,
} from "@marcbachmann/cel-js";
import type { CelBudget } from "./cel-operations.ts";
import { type CelProgram, CelUnsupported, celProgram } from "./cel-program.ts";
import { celSchema } from "./cel-schema.ts";
import { CelError } from "./cel-value.ts";

/**
 * Whether an event, as a plain message, matches. An expression without a value for the event does not. `left`
 * is shared by all expressions for the event.
 */
type CelExpression = (event: object, left?: CelBudget) => boolean;

type CompiledCel =
  | { readonly value: CelExpression; readonly problem?: never }
  /** `line:column: message`. */
  | { readonly value?: never; readonly problem: string };

const maxLength = 8192;

/** Steps of one evaluation; characters count as fractions of a step. Some 10 ms at most. */
export const maxSteps = 200_000;

/**
 * Compiles a filter in the Common Expression Language (https://github.com/google/cel-spec) over events, named
 * by kind: `process_exec.process.binary == "/usr/bin/curl"`. Messages of kinds other than the event's have
 * the defaults of all fields.
 */
export function compileCel(source: string): CompiledCel {
  if (source.length > maxLength)
    return { problem: `an expression may have ${maxLength} characters` };
  try {
    const program = checkedProgram(celSchema().environment.parse(source), source);
    return { value: (event, left = { budget: maxSteps }) => evaluate(program, event, left) };
  } catch (error) {
    return { problem: explain(error, source) };
  }
}

class CelProblem extends Error {}

function checkedProgram(parsed: ParseResult, source: string): CelProgram {
  const { valid, type, error } = parsed.check();
  if (!valid) throw error ?? new CelProblem("types do not fit");
  if (type !== "bool")
    throw new CelProblem(`1:1: must be true or false (bool), is ${type}: "${excerpt(source)}"`);
  return celProgram(parsed.ast, celSchema());
}

function evaluate(program: CelProgram, event: object, left: CelBudget): boolean {
  const run = {
    event: event as Readonly<Record<string, unknown>>,
    budget: left.budget,
    variables: new Map(),
  };
  try {
    return program(run) === true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  } finally {
    left.budget = run.budget;
  }
}

function explain(error: unknown, source: string): string {
  if (error instanceof CelProblem) return error.message;
  if (error instanceof CelUnsupported) return `${place(error.node, source)}${error.message}`;
  if (error instanceof ParseError || error instanceof CelTypeError)
    return `${place(error.range, source)}${error.summary}`;
  // Such as a number that is too large: the parser's own message.
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}

function place(range: Pick<ASTNode, "start"> | undefined, source: string): string {
  if (range === undefined) return "";
  const before = source.slice(0, range.start).split("\n");
  return `${before.length}:${[...(before.at(-1) ?? "")].length + 1}: `;
}

function excerpt(source: string): string {
  return source.length <= 60 ? source : `${source.slice(0, 60)}…`;
}
