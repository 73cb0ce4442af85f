// SPDX-License-Identifier: Apache-2.0
import type { BundleSource } from "./bundle-keeper.ts";

/** The status of the connection between this sensor and its operator. */
export type OperatorStatus = {
  /** As in --operator. */
  readonly address: string;
  readonly connected: boolean;
  /** The replica's address, while connected. */
  readonly peer: string;
  /** Milliseconds since 1970: since when it has been connected, or disconnected. */
  readonly since: number;
  /** Why it isn't connected, or last wasn't; empty: it always was. */
  readonly lastError: string;
  /** Of the version in force; 0: none. */
  readonly epoch: number;
  /** The source of that version. */
  readonly source: BundleSource;
  readonly policies: number;
  readonly pods: number;
  /** Policies that are not, or not fully, in force. */
  readonly exceptions: number;
  /** Why a restart wouldn't find the policies in force; empty: it would. */
  readonly storeProblem: string;
};
