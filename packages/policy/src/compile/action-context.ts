// SPDX-License-Identifier: Apache-2.0
import type { HookKind } from "@gander/crd-schemas";
import type { CompiledArg } from "../compiled-policy.ts";
import type { Args } from "./compile-args.ts";

/** The properties of a hook that its actions depend on. */
export type ActionContext = {
  readonly kind: HookKind;
  /** Empty if the policy names it incorrectly. */
  readonly target: string;
  readonly syscall: boolean;
  readonly side: "entry" | "return";
  /** The policy has `enforcers`. */
  readonly hasEnforcers: boolean;
  readonly args: Args;
  /** The policy reads the hook's return. */
  readonly onReturn: boolean;
  readonly returnArg: CompiledArg | undefined;
  /** The position in the function of each; undefined: it has an error of its own. */
  readonly declared: readonly (number | undefined)[];
};
