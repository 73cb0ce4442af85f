// SPDX-License-Identifier: Apache-2.0
import { applyExceptions, type CompiledException, type ExceptionUse } from "@gander/policy";
import { encodePolicy } from "@gander/policy/content";
import { streamLimits } from "@gander/proto/stream";
import type { PolicyObject, ReadPolicy } from "../api/policy-catalog.ts";
import type { ExceptionCatalog } from "./exception-catalog.ts";

/** A generation of a policy as nodes receive it. */
type ExceptedPolicy = {
  readonly read: ReadPolicy;
  readonly uses: readonly ExceptionUse[];
};

type Known = ExceptedPolicy & { readonly applied: readonly CompiledException[] };

/** The generations of policies with the exceptions of now. Each is made once. */
export class ExceptedPolicies {
  readonly #catalog: Pick<ExceptionCatalog, "of">;
  readonly #known = new WeakMap<ReadPolicy, Known>();

  constructor(catalog: Pick<ExceptionCatalog, "of">) {
    this.#catalog = catalog;
  }

  of(policy: PolicyObject, read: ReadPolicy): ExceptedPolicy {
    const { applied, notAllowed } = this.#catalog.of(policy);
    let known = this.#known.get(read);
    if (known === undefined || !isSame(known.applied, applied)) {
      known = { applied, ...excepted(read, applied) };
      this.#known.set(read, known);
    }
    return { read: known.read, uses: [...known.uses, ...notAllowed] };
  }
}

const isSame = (a: readonly unknown[], b: readonly unknown[]) =>
  a.length === b.length && a.every((one, i) => one === b[i]);

function excepted(read: ReadPolicy, exceptions: readonly CompiledException[]): ExceptedPolicy {
  if (exceptions.length === 0) return { read, uses: [] };
  const { policy, uses } = applyExceptions(read.policy, exceptions, "cluster");
  if (policy === read.policy) return { read, uses };
  const encoded = encodePolicy(policy);
  const { length } = encoded.bytes;
  if (length <= streamLimits.policyBytes) return { read: { ...read, policy, encoded }, uses };
  const message = `with its exceptions, the policy has ${length} bytes; ${streamLimits.policyBytes} can be sent to a node`;
  const none = uses.map((use) => ({ ...use, state: "not-applicable" as const, message }));
  return { read, uses: none };
}
