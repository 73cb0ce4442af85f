// SPDX-License-Identifier: Apache-2.0
import type { BundleSource } from "./bundle-keeper.ts";

/** How it stands between this sensor and its operator. */
export type OperatorStatus = {
  /** As in --operator. */
  readonly address: string;
  readonly connected: boolean;
  /** Of the replica, while connected. */
  readonly peer: string;
  /** Milliseconds since 1970: since when it is connected, or isn't. */
  readonly since: number;
  /** Why it isn't connected, or wasn't last; empty: it always was. */
  readonly lastError: string;
  /** Of the version that is in force; 0: none. */
  readonly epoch: number;
  /** Where that came from. */
  readonly source: BundleSource;
  readonly policies: number;
  readonly pods: number;
  /** Policies that are not, or not wholly, in force. */
  readonly exceptions: number;
  /** Why a restart wouldn't find what is in force; empty: it would. */
  readonly storeProblem: string;
};
