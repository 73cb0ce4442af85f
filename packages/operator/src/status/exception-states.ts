// SPDX-License-Identifier: Apache-2.0
import { type ExceptionState, messageLimit, shownExceptionsLimit } from "@gander/crd-schemas";
import { type ExceptionUse, exceptionText } from "@gander/policy";
import { cutText } from "./status-text.ts";

/** The exceptions of a policy for its status; those that expired last, then those that do nothing, are cut first. */
export function exceptionStates(
  uses: readonly ExceptionUse[],
  hits: ReadonlyMap<string, number>,
  now: Date,
): readonly ExceptionState[] {
  return uses
    .map((use) => stateOf(use, hits, now))
    .sort((a, b) => rank[a.state] - rank[b.state])
    .slice(0, shownExceptionsLimit);
}

const rank: Readonly<Record<ExceptionState["state"], number>> = {
  applies: 0,
  partly: 1,
  "not-applicable": 2,
  expired: 3,
};

function stateOf(
  { exception, state, message }: ExceptionUse,
  hits: ReadonlyMap<string, number>,
  now: Date,
): ExceptionState {
  const { name, namespace, expires } = exception;
  const isOver = expires !== undefined && expires <= now.getTime();
  return {
    name,
    ...(namespace !== "" && { namespace }),
    state: isOver ? "expired" : state,
    ...(message !== "" && { message: cutText(message, messageLimit) }),
    ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
    hits: hits.get(exceptionText(exception)) ?? 0,
  };
}
