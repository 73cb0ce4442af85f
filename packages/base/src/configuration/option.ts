// SPDX-License-Identifier: Apache-2.0

type Common = {
  /** One sentence for `--help` and the docs. */
  readonly help: string;
  /** Heading in `--help`. */
  readonly group?: string;
  /** One letter, `o` for `-o`. */
  readonly short?: string;
  /** What stands for the value in `--help`. */
  readonly placeholder?: string;
  /** Only on the command line: no environment variable, no file (`--help`, `--follow` …). */
  readonly flagOnly?: boolean;
  /** Older names that still work as flags. */
  readonly aliases?: readonly string[];
};

/** One row of a configuration table. The type says how the text is read and what the value is. */
export type Option =
  | (Common & {
      readonly type: "text";
      readonly default: string;
      readonly values?: readonly string[];
      readonly check?: (value: string) => string | undefined;
    })
  | (Common & {
      readonly type: "list";
      readonly default: readonly string[];
      readonly values?: readonly string[];
      /** Commas belong to the value (JSON); give the option several times instead. */
      readonly commas?: "keep";
    })
  | (Common & {
      readonly type: "number";
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
    })
  | (Common & { readonly type: "boolean"; readonly default: boolean })
  /** `500ms`, `10s`, `5m`, `1h30m`; the value is in milliseconds. */
  | (Common & {
      readonly type: "duration";
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
    })
  /** `4096`, `8Mi`, `1G`; the value is in bytes. */
  | (Common & {
      readonly type: "size";
      readonly default: number;
      readonly min?: number;
      readonly max?: number;
    });

export type OptionValue<T extends Option> = T extends {
  readonly type: "text";
  readonly values: readonly (infer V)[];
}
  ? V
  : T extends { readonly type: "text" }
    ? string
    : T extends { readonly type: "list" }
      ? readonly string[]
      : T extends { readonly type: "boolean" }
        ? boolean
        : number;

type Parsed = { readonly value: unknown } | { readonly wrong: string };

/** Reads the text (several for a list) of one option. */
export function parseOption(option: Option, texts: readonly string[]): Parsed {
  const text = texts.at(-1) ?? "";
  switch (option.type) {
    case "text":
      return checkText(option, text);
    case "list": {
      const split = option.commas === "keep" ? texts : texts.flatMap((t) => t.split(","));
      const value = split.map((item) => item.trim()).filter((item) => item !== "");
      const bad = option.values && value.find((item) => !option.values?.includes(item));
      return bad === undefined
        ? { value }
        : { wrong: `"${bad}" is none of ${option.values?.join(", ")}` };
    }
    case "boolean":
      if (/^(true|1|yes|on)$/i.test(text)) return { value: true };
      if (/^(false|0|no|off)$/i.test(text)) return { value: false };
      return { wrong: `"${text}" is neither true nor false` };
    case "number":
      return checkBounds(
        option,
        /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN,
        text,
        "a number",
      );
    case "duration":
      return checkBounds(
        option,
        parseDuration(text),
        text,
        "a duration such as 500ms, 10s, 5m or 1h30m",
      );
    case "size":
      return checkBounds(option, parseSize(text), text, "a size such as 4096, 64Ki or 8Mi");
  }
}

function checkText(option: Option & { type: "text" }, text: string): Parsed {
  if (option.values && !option.values.includes(text)) {
    return { wrong: `"${text}" is none of ${option.values.join(", ")}` };
  }
  const wrong = option.check?.(text);
  return wrong === undefined ? { value: text } : { wrong };
}

function checkBounds(
  { min, max }: { readonly min?: number; readonly max?: number },
  value: number,
  text: string,
  what: string,
): Parsed {
  if (Number.isNaN(value)) return { wrong: `"${text}" is not ${what}` };
  if (min !== undefined && value < min) return { wrong: `${text} is below ${min}` };
  if (max !== undefined && value > max) return { wrong: `${text} is above ${max}` };
  return { value };
}

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds; NaN if it is none. A bare number is seconds. */
export function parseDuration(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return Number.NaN;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    sum += Number(count) * (durationUnits[unit ?? ""] ?? Number.NaN);
  }
  return sum;
}

const sizeUnits: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
};

/** Bytes; NaN if it is none. */
function parseSize(text: string): number {
  const match = /^(\d+)([kmg]i?)?b?$/i.exec(text);
  if (!match) return Number.NaN;
  return Number(match[1]) * (sizeUnits[(match[2] ?? "").toLowerCase()] ?? Number.NaN);
}
