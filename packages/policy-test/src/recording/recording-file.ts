// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { createGunzip, createGzip } from "node:zlib";
import { GanderError } from "@gander/base";
import * as v from "valibot";
import {
  type CallLine,
  lineSchemas,
  type ProcessLine,
  type RecordedProcess,
  type RecordingHeader,
  type RecordingSummary,
} from "./recording-format.ts";

type Content = {
  readonly header: RecordingHeader;
  readonly lines: Iterable<ProcessLine | CallLine>;
  readonly summary: RecordingSummary;
};

/** Writes a whole recording in the place of the one before: at every moment the file is one of the two. */
export async function writeRecording(file: string, content: Content): Promise<void> {
  const aside = `${file}.part-${process.pid}`;
  try {
    await using handle = await open(aside, "w", 0o600);
    await handle.writeFile(Readable.from(textOf(content)).pipe(createGzip()));
    await handle.sync();
    await rename(aside, file);
  } catch (cause) {
    await rm(aside, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError("client-bad-input", `Cannot write ${file}: ${why}`, { cause });
  }
}

/** Some lines at a time: a stream would make a piece of each. */
const pieceChars = 1 << 16;

function* textOf({ header, lines, summary }: Content): Iterable<string> {
  let piece = `${JSON.stringify(header)}\n`;
  for (const line of lines) {
    piece += `${JSON.stringify(line)}\n`;
    if (piece.length < pieceChars) continue;
    yield piece;
    piece = "";
  }
  yield `${piece}${JSON.stringify({ summary })}\n`;
}

/** Who made the file is not known: bounds on a line, and on all of them. */
const limits = { lineChars: 1 << 20, chars: 2 ** 32, processes: 2_000_000 };

export type ReadCall = CallLine & { readonly facts: RecordedProcess };

/**
 * Reads a recording; calls one after the other, so it may be larger than memory.
 * @throws GanderError if it is none, or not whole.
 */
export async function readRecording(
  file: string,
  visit: { header?(header: RecordingHeader): void; call(call: ReadCall): void },
): Promise<{ readonly header: RecordingHeader; readonly summary: RecordingSummary }> {
  const wrong = (what: string, cause?: unknown) =>
    new GanderError("client-bad-input", `Cannot read the recording ${file}: ${what}`, {
      hint: "`gander record` writes recordings; docs/recordings.md describes the file.",
      ...(cause !== undefined && { cause }),
    });
  const lines = new RecordingLines(visit, wrong);
  try {
    for await (const line of linesOf(file, wrong)) lines.take(line);
  } catch (cause) {
    if (cause instanceof GanderError) throw cause;
    throw wrong(cause instanceof Error ? cause.message : String(cause), cause);
  }
  return lines.end();
}

type Wrong = (what: string, cause?: unknown) => GanderError;

async function* linesOf(file: string, wrong: Wrong): AsyncIterable<string> {
  const stream = createReadStream(file).on("error", (error) => unzipped.destroy(error));
  const unzipped = stream.pipe(createGunzip());
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let chars = 0;
  for await (const piece of unzipped) {
    const all = rest + decoder.decode(piece as Uint8Array, { stream: true });
    const parts = all.split("\n");
    rest = parts.pop() ?? "";
    chars += all.length - rest.length;
    if (chars > limits.chars) throw wrong("it is larger than any that gander writes");
    if (rest.length > limits.lineChars) throw wrong("a line is too long");
    yield* parts;
  }
  if (rest !== "") yield rest;
}

class RecordingLines {
  readonly #visit: Parameters<typeof readRecording>[1];
  readonly #wrong: Wrong;
  readonly #processes = new Map<number, RecordedProcess>();
  #number = 0;
  #header: RecordingHeader | undefined;
  #summary: RecordingSummary | undefined;
  #calls = 0;
  #lines = 0;

  constructor(visit: Parameters<typeof readRecording>[1], wrong: Wrong) {
    this.#visit = visit;
    this.#wrong = wrong;
  }

  take(line: string): void {
    this.#number++;
    if (this.#summary !== undefined) throw this.#bad("something follows its end");
    if (line.length > limits.lineChars) throw this.#bad("the line is too long");
    const value = this.#parsed(line);
    if (this.#header === undefined) {
      this.#checkVersion(value);
      this.#header = this.#checked(lineSchemas.headerLine, value);
      this.#visit.header?.(this.#header);
    } else if (hasField(value, "summary"))
      this.#summary = this.#checked(lineSchemas.summaryLine, value).summary;
    else if (hasField(value, "facts")) this.#addProcess(value);
    else this.#takeCall(value, this.#header);
  }

  end() {
    const [header, summary] = [this.#header, this.#summary];
    if (header === undefined) throw this.#wrong("it is empty");
    if (summary === undefined) throw this.#wrong("its end is missing");
    if (summary.calls !== this.#calls || summary.lines !== this.#lines)
      throw this.#wrong("its end counts other calls than those that are in it");
    return { header, summary };
  }

  #addProcess(value: unknown): void {
    const { process, facts } = this.#checked(lineSchemas.processLine, value);
    if (this.#processes.size >= limits.processes) throw this.#bad("there are too many processes");
    this.#processes.set(process, facts);
  }

  #takeCall(value: unknown, { hooks }: RecordingHeader): void {
    const call = this.#checked(lineSchemas.callLine, value);
    const facts = this.#processes.get(call.process);
    if (facts === undefined) throw this.#bad("its process is not described before it");
    const hook = hooks[call.hook];
    if (hook === undefined || hook.args.length !== call.args.length)
      throw this.#bad("it is of no hook of the recording");
    this.#calls += call.count;
    this.#lines++;
    this.#visit.call({ ...call, facts });
  }

  #checkVersion(value: unknown): void {
    const isOne = hasField(value, "recording") && value.recording === "gander";
    if (!isOne) throw this.#wrong("it is no recording of gander");
    const version = hasField(value, "version") ? value.version : undefined;
    if (version !== 1)
      throw this.#wrong(`it has version ${JSON.stringify(version)?.slice(0, 20)}, not 1`);
  }

  #parsed(line: string): unknown {
    try {
      return JSON.parse(line);
    } catch {
      throw this.#bad("it is not JSON");
    }
  }

  #checked<S extends v.GenericSchema>(schema: S, value: unknown): v.InferOutput<S> {
    const { success, output, issues } = v.safeParse(schema, value);
    if (success) return output;
    const [issue] = issues;
    throw this.#bad(`${v.getDotPath(issue) ?? "it"}: ${issue.message.slice(0, 200)}`);
  }

  #bad(what: string): GanderError {
    return this.#wrong(`line ${this.#number}: ${what}`);
  }
}

const hasField = <K extends string>(value: unknown, name: K): value is Record<K, unknown> =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name);
