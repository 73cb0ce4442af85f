// SPDX-License-Identifier: Apache-2.0
import type { Election } from "@gander/kube";
import { status } from "@grpc/grpc-js";
import { CallProblem } from "../fleet/call-problem.ts";
import { addressOfReplica } from "../replica-identity.ts";
import type { HolderLink } from "./holder-link.ts";

export type HolderFollowerDeps = {
  readonly election: Pick<Election, "state">;
  /** Of this replica. */
  readonly identity: string;
  readonly connect: (address: string) => HolderLink;
  /** Another replica holds the Lease. */
  readonly onElsewhere: (reason: string) => void;
};

/** The way to the replica that holds the Lease, as that changes. */
export class HolderFollower {
  readonly #deps: HolderFollowerDeps;
  #identity = "";
  #link: HolderLink | undefined;
  #ending = new AbortController();

  constructor(deps: HolderFollowerDeps) {
    this.#deps = deps;
  }

  /** Undefined: it is this one, or nobody. */
  get link(): HolderLink | undefined {
    return this.#link;
  }

  /** Aborts when the Lease changes hands, or at the end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** To be called again and again. */
  look(): void {
    const { election, identity, connect, onElsewhere } = this.#deps;
    const { holder } = election.state();
    const other = holder === identity ? "" : holder;
    if (other === this.#identity) return;
    this.#identity = other;
    this.#link?.[Symbol.dispose]();
    const address = addressOfReplica(other);
    this.#link = address === undefined ? undefined : connect(address);
    const reason = "Another replica holds the Lease now; try again";
    if (this.#link !== undefined) onElsewhere(reason);
    // What was answered here is no longer all there is; what was passed on has nobody to come from.
    this.#endCalls(reason);
  }

  close(): void {
    this.#endCalls("This replica is going away; try again");
    this.#link?.[Symbol.dispose]();
  }

  #endCalls(reason: string): void {
    this.#ending.abort(new CallProblem(status.UNAVAILABLE, reason));
    this.#ending = new AbortController();
  }
}
