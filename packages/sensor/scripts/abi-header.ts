// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

export type AbiHeader = {
  /** `#define NAME number` */
  readonly defines: ReadonlyMap<string, number | bigint>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
};

/** The text of the headers that both sides share. */
export function readAbiHeaders(): string {
  const read = (name: string) =>
    readFileSync(new URL(`../../../bpf/${name}`, import.meta.url), "utf8");
  return read("records.h") + read("abi.h");
}

/** Reads the constants of a C header that has only plain enums and numeric defines. */
export function parseAbiHeader(text: string): AbiHeader {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
  const defines = new Map<string, number | bigint>();
  const known = new Map<string, number>();
  for (const [, name = "", value = ""] of code.matchAll(/^[ \t]*#define[ \t]+(\w+)[ \t]+(.+)$/gm)) {
    const number = evaluate(value, known);
    if (number === undefined) continue;
    known.set(name, number);
    defines.set(name, Number.isSafeInteger(number) ? number : BigInt(value.replace(/u?l*$/i, "")));
  }
  const enums = new Map<string, Map<string, number>>();
  for (const [, name = "", body = ""] of code.matchAll(/\benum\s+(\w+)\s*\{([^}]*)\}/g)) {
    enums.set(name, parseEnum(body, known));
  }
  return { defines, enums };
}

/** The header as a TypeScript module: one object for each enum, its names in capitals, and `limits`. */
export function renderAbi(header: AbiHeader): string {
  const object = (name: string, values: ReadonlyMap<string, number | bigint>) =>
    `export const ${name} = {\n${[...values].map(([key, value]) => `  ${key}: ${value}${typeof value === "bigint" ? "n" : ""},`).join("\n")}\n} as const;\n`;
  const parts = [...header.enums].map(([name, values]) => object(camelCase(name), values));
  return [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Generated from bpf/records.h and bpf/abi.h by scripts/generate-abi.ts; do not edit.",
    "",
    ...(header.defines.size > 0 ? [object("defines", header.defines)] : []),
    parts.join("\n"),
  ].join("\n");
}

/** Adds its names to `known`: later ones may use them. */
function parseEnum(body: string, known: Map<string, number>): Map<string, number> {
  const values = new Map<string, number>();
  let next = 0;
  for (const entry of body.split(",")) {
    const [name = "", value] = entry.split("=").map((part) => part.trim());
    if (name === "") continue;
    if (value !== undefined) {
      const number = evaluate(value, known);
      if (number === undefined) throw new Error(`cannot read the value of ${name}: ${value}`);
      next = number;
    }
    values.set(name, next);
    known.set(name, next++);
  }
  return values;
}

/** Numbers and names defined before, with one operator between two of them, or `|` between more. */
function evaluate(text: string, known: ReadonlyMap<string, number>): number | undefined {
  const expression = text.trim().replace(/^\((.*)\)$/, "$1");
  const [first = "", ...more] = expression.split("|");
  if (more.length > 0) {
    const bits = [first, ...more].map((part) => evaluate(part, known) ?? Number.NaN);
    return bits.some(Number.isNaN) ? undefined : bits.reduce((all, bit) => all | bit);
  }
  const [, left, operator, right] = /^(\w+)\s*(\*|\/|<<|\+|-)\s*(\w+)$/.exec(expression) ?? [];
  if (left !== undefined && right !== undefined) {
    const a = evaluate(left, known);
    const b = evaluate(right, known);
    if (a === undefined || b === undefined) return undefined;
    switch (operator) {
      case "*":
        return a * b;
      case "/":
        return Math.floor(a / b);
      case "<<":
        return a * 2 ** b;
      case "+":
        return a + b;
      default:
        return a - b;
    }
  }
  if (/^(0x[0-9a-f]+|\d+)u?l*$/i.test(expression)) return Number(expression.replace(/u?l*$/i, ""));
  return known.get(expression);
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
