// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { TracingPolicy } from "@gander/crd-schemas";
import type { CompiledPolicy } from "./compiled-policy.ts";
import type { ExceptionUse } from "./exceptions/apply-exceptions.ts";
import type { CheckedException } from "./exceptions/policy-exception.ts";
import type { CheckedSet } from "./sets/check-value-set.ts";
import type { SetUse } from "./sets/set-uses.ts";

export type CheckedPolicy = {
  /** The policy as written, with the schema's defaults filled in. */
  readonly policy: TracingPolicy;
  readonly compiled: CompiledPolicy;
  /** Warnings and notes; none of them prevents use of the policy. */
  readonly warnings: readonly Problem[];
  /** Where it names sets. */
  readonly setUses?: readonly SetUse[];
  /** What exceptions of its files do to it; absent: none names it. */
  readonly exceptions?: readonly ExceptionUse[];
  /** With the names of sets in the place of their values; absent: it names none. */
  readonly named?: CompiledPolicy;
};

/** What is in a file. `compiled` of its policies names sets, and is without exceptions. */
export type CheckedFile = {
  readonly policies: readonly CheckedPolicy[];
  readonly sets: readonly CheckedSet[];
  readonly exceptions: readonly CheckedException[];
  /** Of its exceptions; policies have their own. */
  readonly warnings: readonly Problem[];
};
