// SPDX-License-Identifier: Apache-2.0
import type { Election } from "@gander/kube";
import { status } from "@grpc/grpc-js";
import { CallProblem } from "../fleet/call-problem.ts";
import { addressOfReplica } from "../replica-identity.ts";
import type { HolderLink } from "./holder-link.ts";

type HolderFollowerDeps = {
  readonly election: Pick<Election, "state">;
  /** Of this replica. */
  readonly identity: string;
  readonly connect: (address: string) => HolderLink;
  /** Called when another replica holds the Lease. */
  readonly onElsewhere: (reason: string) => void;
};

/** The link to the replica that holds the Lease; follows changes of the holder. */
export class HolderFollower {
  readonly #deps: HolderFollowerDeps;
  #identity = "";
  #link: HolderLink | undefined;
  #ending = new AbortController();

  constructor(deps: HolderFollowerDeps) {
    this.#deps = deps;
  }

  /** Undefined if this replica, or none, holds the Lease. */
  get link(): HolderLink | undefined {
    return this.#link;
  }

  /** Aborts when the Lease changes hands, or at the end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Call this repeatedly. */
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
    // Local answers are no longer complete; forwarded calls have lost their source.
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
