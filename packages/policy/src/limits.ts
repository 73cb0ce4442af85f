// SPDX-License-Identifier: Apache-2.0

import { languageLimits } from "@gander/crd-schemas";

/** What a policy may hold. Lengths are in bytes of UTF-8; those of sets come from bpf/abi.h. */
export const limits = {
  /** Of a file, also with its aliases written out. */
  fileBytes: 1024 * 1024,
  /** Documents in one file. */
  documents: 1024,
  /** Lists and mappings around a value. A policy needs a dozen; what lies in the same file may need more. */
  depth: 128,
  /** Problems that are told of one file. */
  problems: 100,
  /** Errors of syntax that are told of one document: most follow from those before. */
  syntaxErrors: 5,
  hooks: languageLimits.hooks,
  selectors: languageLimits.selectors,
  filters: 32,
  actions: languageLimits.actions,
  /** Arguments an event carries. */
  args: languageLimits.args,
  /** Last argument of a kernel function that every way to hook it can read (x86-64: in registers). */
  argIndex: 5,
  /** Fields of a tracepoint's format. */
  tracepointIndex: 63,
  values: 8192,
  pids: 64,
  namespaces: 16,
  ranges: 64,
  /** Numbers that ranges of InMap may be written out to. */
  expandedRange: 4096,
  prefixBytes: 250,
  postfixBytes: 127,
  stringBytes: 4095,
  binaryBytes: 255,
  messageBytes: 256,
  tagBytes: 128,
  labelBytes: 64,
  rateLimitMs: 24 * 3_600_000,
} as const;
