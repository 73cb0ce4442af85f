// SPDX-License-Identifier: Apache-2.0
import type { NamespaceName, ProcessProperty, WorkloadSelector } from "@gander/policy";
import type { FileIdentity } from "../link/file-identity.ts";
import type { FactState } from "../link/unknown-facts.ts";
import type { Belonging } from "../link/workloads.ts";

export type Socket = {
  readonly saddr: string;
  readonly daddr: string;
  readonly addressFamily: 4 | 6;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
  readonly family: number;
  readonly state: number;
};

/** S_IFMT of its mode; enum origin; its path, if a filter reads that. */
export type File = { readonly fileType: number; readonly origin: number; readonly path?: string };

export type Value = bigint | string | Socket | File;

export type Call = {
  /** What can't be had of it; left out: nothing. */
  readonly facts?: {
    readonly text?: FactState;
    /** Of a file's origin. */
    readonly origin?: "absent" | "unknown";
    readonly peer?: Exclude<FactState, "forgeable">;
    readonly binary?: FactState;
    readonly file?: Exclude<FactState, "forgeable">;
    readonly namespaces?: "unknown";
    readonly ancestors?: "unknown";
    readonly parent?: "unknown" | "forgeable";
    readonly before?: "unknown";
    readonly exec?: "unknown";
  };
  /** That the policy has put on the call. */
  readonly mark?: { readonly error: number; readonly signal: number } | undefined;
  /** It is one of as many calls as a selector counts. */
  readonly isReached?: boolean;
  /** Of the caller's cgroup; left out: 0. */
  readonly group?: number;
  /** Whether that belongs to the workloads of a selector; left out: to none. */
  readonly belongs?: (workloads: WorkloadSelector) => Belonging;
  readonly args: readonly Value[];
  readonly returned: bigint;
  readonly pid: number;
  readonly nsPid: number;
  /** Of the PIDs 0 and 1 of its namespace: the process that it is, or descends from there. */
  readonly ancestors: { readonly zero: boolean; readonly first: boolean };
  readonly binary: string;
  /** The file that runs, wherever. */
  readonly file: FileIdentity;
  /** Those at paths of the host. */
  readonly hostFiles: ReadonlyMap<string, FileIdentity>;
  readonly namespaces: Readonly<Record<NamespaceName, bigint>>;
  readonly hostNamespaces: Readonly<Record<NamespaceName, bigint>>;
  readonly capabilities: Capabilities;
  /** Left out: it has none. */
  readonly properties: Readonly<Partial<Record<ProcessProperty, number>>>;
  /** What the program that is about to run gets: arguments, and variables as NAME=VALUE. */
  readonly exec: { readonly args: readonly string[]; readonly env: readonly string[] };
  /** The binary of its parent. */
  readonly parent: string;
  /** All that its ancestors have run. */
  readonly ancestorBinaries: readonly string[];
  /** At its last exec. */
  readonly before: {
    readonly namespaces: Readonly<Record<NamespaceName, bigint>>;
    readonly capabilities: Capabilities;
  };
};

export type Capabilities = Readonly<Record<"effective" | "inheritable" | "permitted", bigint>>;

export function raw(value: Value | undefined): bigint {
  return BigInt.asUintN(64, number(value));
}

export function number(value: Value | undefined): bigint {
  if (typeof value !== "bigint") throw new TypeError("not a number");
  return value;
}

export function text(value: Value | undefined): string {
  if (typeof value === "object" && "path" in value && value.path !== undefined) return value.path;
  if (typeof value !== "string") throw new TypeError("not a text");
  return value;
}

export function file(value: Value | undefined): File {
  if (typeof value !== "object" || !("origin" in value)) throw new TypeError("not a file");
  return value;
}

export function socket(value: Value | undefined): Socket {
  if (typeof value !== "object" || !("saddr" in value)) throw new TypeError("not a socket");
  return value;
}
