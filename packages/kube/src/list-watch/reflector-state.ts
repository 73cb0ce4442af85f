// SPDX-License-Identifier: Apache-2.0
import { KubeError } from "../client/kube-error.ts";

/** Why a list or watch was restarted. */
export type RestartCause =
  /** The server closed the watch, as it does every few minutes. */
  | "ended"
  /** The version expired (410): the set was listed again. */
  | "expired"
  | "silence"
  | "connection"
  | "throttled"
  | "credentials"
  | "server"
  | "protocol"
  | "other";

export type ReflectorState = {
  readonly phase: "idle" | "listing" | "watching" | "waiting" | "stopped";
  /** A complete list has been read at least once: the store is reliable. */
  readonly synced: boolean;
  readonly objects: number;
  /** Where the next watch continues; empty if a list is next. */
  readonly resourceVersion: string;
  /** Milliseconds since the server last sent a byte; Infinity if never. The store may be this old. */
  readonly sinceContactMs: number;
  /** Milliseconds since the last event of an object; Infinity if never. */
  readonly sinceEventMs: number;
  /** How long the last chunk of events took to process. */
  readonly handlingMs: number;
  readonly lists: number;
  readonly events: number;
  readonly bookmarks: number;
  /** Received by watches. */
  readonly bytes: number;
  /** Objects on which the projection threw; the previous value was kept. */
  readonly projectionFailures: number;
  readonly restarts: Readonly<Record<RestartCause, number>>;
  /** The last error; undefined if there was none. */
  readonly lastError: KubeError | undefined;
};

export function noRestarts(): Record<RestartCause, number> {
  return {
    ended: 0,
    expired: 0,
    silence: 0,
    connection: 0,
    throttled: 0,
    credentials: 0,
    server: 0,
    protocol: 0,
    other: 0,
  };
}

export function causeOf(error: unknown): RestartCause {
  if (!(error instanceof KubeError)) return "other";
  switch (error.code) {
    case "kube-expired":
      return "expired";
    case "kube-timeout":
      return error.reason === "Silence" ? "silence" : "server";
    case "kube-unreachable":
      return "connection";
    case "kube-throttled":
      return "throttled";
    case "kube-unauthorized":
    case "kube-forbidden":
    case "kube-configuration":
      return "credentials";
    case "kube-server":
      return "server";
    case "kube-protocol":
      return "protocol";
    default:
      return "other";
  }
}
