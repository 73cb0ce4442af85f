// SPDX-License-Identifier: Apache-2.0
import { status } from "@grpc/grpc-js";
import { bearerToken } from "../sensors/sensor-server.ts";
import { CallProblem } from "./call-problem.ts";
import type { FleetCall } from "./fleet-method.ts";
import type { Serve } from "./serve-methods.ts";
import type { VerifyUser } from "./user-tokens.ts";

/** Who answers: this replica, or one that the call is forwarded to. */
export type Answerer =
  | "here"
  | { forward(path: string, call: FleetCall, signal: AbortSignal): Promise<void> };

/** Serves people: every call with an authorized token is answered, by the replica that has the answer. */
export function createServePeople(deps: {
  readonly verify: VerifyUser;
  readonly answerer: () => Answerer;
}): Serve {
  return async (method, call, { signal, metadata }) => {
    const token = bearerToken(metadata);
    if (token === undefined)
      throw new CallProblem(
        status.UNAUTHENTICATED,
        "The call needs one `authorization: Bearer TOKEN`",
      );
    const answer = await deps.verify(token, method.right);
    if (answer.problem !== undefined)
      throw new CallProblem(
        answer.reason === "forbidden" ? status.PERMISSION_DENIED : status.UNAUTHENTICATED,
        answer.problem,
      );
    const answerer = deps.answerer();
    if (answerer === "here") await method.answer(call, { signal });
    else await answerer.forward(method.path, call, signal);
  };
}

/** Serves calls forwarded by other replicas, if this replica holds the Lease. */
export function createServeReplicas(deps: { readonly answerer: () => Answerer }): Serve {
  return async (method, call, { signal }) => {
    if (deps.answerer() !== "here")
      throw new CallProblem(status.UNAVAILABLE, "Another replica holds the Lease now; try again");
    await method.answer(call, { signal });
  };
}
