// SPDX-License-Identifier: Apache-2.0
import type {
  ArgTest,
  CompiledFilter,
  LabelSelector,
  WorkloadSelector,
} from "../compiled-policy.ts";

/** A checked exception: what the policies that it names do not apply to. Plain data. */
export type CompiledException = {
  readonly name: string;
  /** Empty: for the whole cluster. */
  readonly namespace: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly expires?: number;
  readonly policies: PolicyChoice;
  /** Absent: all. Those of a namespace are not written here, but follow from `namespace`. */
  readonly workloads?: WorkloadSelector;
  /** One must fit; empty: all programs. */
  readonly binaries: readonly Extract<CompiledFilter, { on: "binary" }>[];
  /** One must fit each file of the call; empty: all files. */
  readonly paths: readonly ArgTest[];
};

/** Names as written, or labels. */
export type PolicyChoice =
  | { readonly names: readonly string[]; readonly labels?: never }
  | { readonly labels: LabelSelector; readonly names?: never };

/** An exception, and where its name is written. */
export type CheckedException = CompiledException & {
  /** Empty: it was an object. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
};

/** As people name it: `backup`, or `shop/backup`. */
export const exceptionText = ({
  name,
  namespace,
}: Pick<CompiledException, "name" | "namespace">): string =>
  namespace === "" ? name : `${namespace}/${name}`;
