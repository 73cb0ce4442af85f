// SPDX-License-Identifier: Apache-2.0
import { BpfError, errnoName } from "./bpf-error.ts";

/** The verifier's reason lies in the last few lines before its statistics. */
const tellingLines = 6;

/** A program that the kernel's verifier refused. */
export class VerifierError extends BpfError {
  override readonly name = "VerifierError";
  readonly program: string;
  /** The lines that explain why: the source line, the instruction and what is wrong with it. */
  readonly lines: readonly string[];

  constructor(program: string, errno: number, log: string) {
    const lines = quoteVerifierLog(log);
    const reason = lines.at(-1) ?? errnoName(errno);
    super("VERIFIER", `Cannot load program "${program}": ${reason}\n  ${lines.join("\n  ")}`, {
      errno,
      operation: "load",
      log,
    });
    this.program = program;
    this.lines = lines;
  }
}

const begin = "-- BEGIN PROG LOAD LOG --\n";
const end = "-- END PROG LOAD LOG --";

/** The part of libbpf's log that the verifier wrote on one program, or undefined. */
export function findVerifierLog(log: string): { program: string; log: string } | undefined {
  const from = log.indexOf(begin);
  if (from < 0) return undefined;
  const program = /prog '([^']*)': $/.exec(log.slice(0, from))?.[1] ?? "";
  const to = log.indexOf(end, from);
  return { program, log: log.slice(from + begin.length, to < 0 ? log.length : to) };
}

/**
 * The relevant lines of a verifier's log: its reason is last, before the statistics; the state of
 * the registers says little without the whole. Kernels before 6.3 begin with a harmless remark on
 * each global function's arguments.
 */
export function quoteVerifierLog(log: string): string[] {
  return log
    .slice(-64 * 1024) // only its end is of interest, and it can be megabytes
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !noise.some((pattern) => pattern.test(line)))
    .slice(-tellingLines);
}

const noise: readonly RegExp[] = [
  /^reg type unsupported for arg#\d+/,
  /^processed \d+ insns/,
  /^(verification time|stack depth|max_states_per_insn|peak_states|total_states)/,
  /^(\d+: )?R\d+(_\w+)?=/,
  /^(func#\d+ @\d+|mark_precise:|frame\d+: regs=|last_idx|regs=)/,
  /^from \d+ to \d+:/,
];
