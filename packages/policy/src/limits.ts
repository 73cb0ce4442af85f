// SPDX-License-Identifier: Apache-2.0

import { languageLimits } from "@gander/crd-schemas";

/** Limits of a policy. Lengths are in bytes of UTF-8; those of sets come from bpf/abi.h. */
export const limits = {
  /** Of a file, even with its aliases expanded. */
  fileBytes: 1024 * 1024,
  /** Documents in one file. */
  documents: 1024,
  /** Nesting of lists and mappings. A policy needs a dozen; other content of its file may need more. */
  depth: 128,
  /** Problems reported per file. */
  problems: 100,
  /** Syntax errors reported per document: most follow from earlier ones. */
  syntaxErrors: 5,
  hooks: languageLimits.hooks,
  selectors: languageLimits.selectors,
  filters: 32,
  /** Of CelExpr. */
  expressionCharacters: 4096,
  /** Lists of filters that the expressions of a selector may become: packages/sensor/src/link/linker.ts. */
  alternatives: 64,
  actions: languageLimits.actions,
  /** Arguments an event carries. */
  args: languageLimits.args,
  /** Last argument of a kernel function that every kind of hook can read (x86-64: in registers). */
  argIndex: 5,
  /** Last argument of a static probe (sys/sdt.h). */
  probeIndex: 11,
  /** Members and elements in the path of an argument. */
  pathSteps: 20,
  /** Fields of a tracepoint's format. */
  tracepointIndex: 63,
  /** Last position of an argument of a new program. */
  execArgument: 254,
  /** Variables in `matchExecEnv`. */
  execNames: 64,
  /** Of a value that is compared with an argument or a variable of a new program, which has its name as well. */
  execBytes: 3840,
  values: languageLimits.setValues,
  setValues: languageLimits.setValues,
  /** Of all sets in all filters of a policy, each time that it is named. */
  valuesOfSets: 65_536,
  /** That the operator fills, in a policy: each is watched. */
  clusterSets: 16,
  /** Exceptions that one policy may have. */
  exceptions: 64,
  setValueCharacters: languageLimits.setValueLength,
  pids: 64,
  namespaces: 16,
  ranges: 64,
  /** Numbers that ranges of InMap may expand to. */
  expandedRange: 4096,
  prefixBytes: 250,
  postfixBytes: 127,
  substringBytes: 99,
  stringBytes: 4095,
  binaryBytes: 255,
  /** Of a file with functions to hook. */
  programPathBytes: 1024,
  symbolCharacters: 1024,
  /** Of registers, by an Override: bpf/abi.h. */
  assignments: 18,
  /** Of the provider or the name of a static probe. */
  probeCharacters: 128,
  /** Of a list whose names the kernel has. */
  patternCharacters: 256,
  /** Of its program: the most that a character of a name may cost. A kernel has 60,000 names. */
  patternStates: 512,
  /** Lists of a policy whose names the kernel has: each node searches its functions for them. */
  generatedLists: 8,
  /** That one hook entry may have by such a list. */
  generatedFunctions: 1024,
  /** Of GetUrl. */
  urlCharacters: 2048,
  messageBytes: 256,
  tagBytes: 128,
  labelBytes: 64,
  /** In `matchCount`: bpf/abi.h has the time of each. */
  countedCalls: 100,
  countWindowMs: 3_600_000,
  rateLimitMs: 24 * 3_600_000,
} as const;
