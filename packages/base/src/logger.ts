// SPDX-License-Identifier: Apache-2.0

/** error: an administrator must act; warn: degraded; info: state changed. Never one line per event. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** json: an object a line; text: time, level and message, then fields as name=value. */
export type LogFormat = "json" | "text";

type LogFields = Readonly<Record<string, unknown>>;

/** `message` is constant text, what varies goes into `fields`: so logs can be counted and searched. */
export type Logger = {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same logger, with fields that every line carries. */
  with(fields: LogFields): Logger;
};

type LoggerOptions = {
  /** Lines below are left out; a function is asked for every line. */
  readonly level?: LogLevel | (() => LogLevel);
  /** Takes one line with its newline; standard error if absent. */
  readonly write?: (line: string) => void;
  readonly now?: () => Date;
  /** json if absent. */
  readonly format?: LogFormat;
};

const weights: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Structured logs, a line each, on standard error. */
export function createLogger(options: LoggerOptions = {}, base: LogFields = {}): Logger {
  const { level = "info", now = () => new Date(), format = "json" } = options;
  const toLine = format === "json" ? jsonLine : textLine;
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const log =
    (at: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (weights[at] < weights[typeof level === "string" ? level : level()]) return;
      write(toLine({ time: now().toISOString(), level: at, message, ...base, ...fields }));
    };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    with: (fields) => createLogger(options, { ...base, ...fields }),
  };
}

/** Values are JSON, so that nothing in them can end the line or look like a field. */
function textLine({ time, level, message, ...fields }: LogFields): string {
  const parts = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`);
  return `${[time, String(level).toUpperCase(), message, ...parts].join(" ")}\n`;
}

function valueText(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? "";
  } catch {
    return '"not serialisable"';
  }
}

function jsonLine(entry: LogFields): string {
  try {
    return `${JSON.stringify(entry, plain)}\n`;
  } catch {
    // A circular field must not take the process down with it.
    return `${JSON.stringify({ time: entry.time, level: entry.level, message: entry.message, fields: "not serialisable" })}\n`;
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, cause } = value;
  const code = "code" in value ? value.code : undefined;
  const hint = "hint" in value ? value.hint : undefined;
  return { name, message, code, hint, cause, stack: value.stack };
}
