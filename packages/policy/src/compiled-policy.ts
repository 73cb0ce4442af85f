// SPDX-License-Identifier: Apache-2.0
import type { ArgType, HookKind, PlainActionWord } from "@gander/crd-schemas";

/**
 * A policy after checking: no text left to parse, nothing about any kernel yet. The same spec gives
 * the same value and so the same digest, on every machine. Everything is plain data.
 */
export type CompiledPolicy = {
  readonly name: string;
  /** Empty for a cluster-scoped TracingPolicy. */
  readonly namespace: string;
  /** `sha256:` and hex of the canonical form of all other fields but name and namespace. */
  readonly digest: string;
  /** What the file asks for; `monitor-only` when no selector could enforce anything. */
  readonly mode: "enforce" | "monitor" | "monitor-only";
  readonly hooks: readonly CompiledHook[];
  /** Which workloads it is for; undefined: everything on the node. */
  readonly workloads?: WorkloadSelector;
  /** Which nodes it is for; undefined: all. */
  readonly nodeSelector?: LabelSelector;
};

export type CompiledHook = {
  readonly kind: HookKind;
  /** kprobe: function (`sys_` names without architecture prefix); tracepoint: `subsystem/event`; lsm: hook name. */
  readonly target: string;
  readonly syscall: boolean;
  /** Tracepoint: positions are those of the TP_PROTO instead of fields of the format file. */
  readonly raw: boolean;
  /** Where it stands in the spec, e.g. `spec.kprobes[0]`. */
  readonly path: string;
  /** Position among the hooks of its section. */
  readonly index: number;
  readonly ignoreCallNotFound: boolean;
  readonly message: string;
  readonly tags: readonly string[];
  readonly args: readonly CompiledArg[];
  readonly returnArg?: CompiledArg;
  /** Never empty: a hook without selectors has one that posts everything. */
  readonly selectors: readonly CompiledSelector[];
};

export type CompiledArg = {
  /** Position in the function (or tracepoint); for the return value 0. */
  readonly index: number;
  readonly type: ArgType;
  readonly label: string;
  /** Position (0-based) of the argument that holds the size of a `char_buf`. */
  readonly sizeIndex?: number;
  /** Read the buffer when the function returns; its size is then the return value. */
  readonly returnCopy: boolean;
};

export type CompiledSelector = {
  /** Position in the policy's list. */
  readonly index: number;
  readonly label: string;
  /** All must hold. */
  readonly filters: readonly CompiledFilter[];
  /** On the return value; if one does not hold, no event is posted and no return action done. */
  readonly returnFilters: readonly CompiledFilter[];
  /** An event is posted as well, unless `no-post` is among them; so an empty list means just that. */
  readonly actions: readonly CompiledAction[];
  readonly returnActions: readonly CompiledAction[];
};

export type CompiledFilter =
  | {
      readonly on: "arg" /** Position in `args` of the hook, or "return". */;
      readonly arg: number | "return";
      readonly test: ArgTest;
    }
  | {
      readonly on: "pid";
      readonly negate: boolean;
      readonly inNamespace: boolean;
      readonly followForks: boolean;
      readonly pids: readonly number[];
    }
  | {
      readonly on: "binary";
      readonly negate: boolean;
      /** file: the very files that are at these paths on the node, wherever they are run from. */
      readonly match: "equal" | "prefix" | "postfix" | "file";
      readonly followChildren: boolean;
      readonly paths: readonly string[];
    }
  | {
      readonly on: "namespace";
      readonly negate: boolean;
      readonly namespace: NamespaceName /** Inode numbers; "host" for the host's. */;
      readonly ids: readonly (number | "host")[];
    }
  | {
      readonly on: "capability";
      readonly negate: boolean;
      readonly set: "effective" | "inheritable" | "permitted";
      readonly inUserNamespace: boolean /** Bit numbers. */;
      readonly capabilities: readonly number[];
    };

export type NamespaceName =
  | "uts"
  | "ipc"
  | "mnt"
  | "pid"
  | "pid_for_children"
  | "net"
  | "time"
  | "time_for_children"
  | "cgroup"
  | "user";

/**
 * All `values` are alternatives; `negate`: none of them may hold. Lists are sorted and without
 * duplicates. `greater`, `less` and `mask` have one value (several in the policy are the smallest,
 * the greatest, all bits together), `equal` at most 4 (more are an `in-set`), `range` at most 64
 * that neither overlap nor touch. Values of `mask` are unsigned, all others as the type reads them.
 */
export type ArgTest =
  | {
      readonly op: "equal" | "greater" | "less" | "mask";
      readonly negate: boolean;
      readonly values: readonly bigint[];
    }
  | { readonly op: "in-set"; readonly negate: boolean; readonly values: readonly bigint[] }
  | {
      readonly op: "range";
      readonly negate: boolean /** Inclusive. */;
      readonly ranges: readonly (readonly [bigint, bigint])[];
    }
  | {
      readonly op: "str-equal" | "str-prefix" | "str-postfix";
      readonly negate: boolean /** UTF-8 text without the closing NUL. */;
      readonly values: readonly string[];
    }
  | {
      readonly op: "saddr" | "daddr";
      readonly negate: boolean;
      readonly networks: readonly Network[];
    }
  | {
      readonly op: "sport" | "dport";
      readonly negate: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    }
  | {
      readonly op: "protocol" | "family" | "state";
      readonly negate: boolean;
      readonly values: readonly number[];
    };

/** IPv4-mapped IPv6 networks are IPv4 here. */
export type Network = {
  readonly family: 4 | 6 /** 4 or 16 bytes as hex, host bits cleared. */;
  readonly address: string;
  readonly prefixLength: number;
};

export type CompiledAction =
  | {
      readonly action: "post";
      readonly rateLimit?: {
        readonly windowMs: number;
        readonly scope: "thread" | "process" | "global";
      };
      readonly kernelStack: boolean;
      readonly userStack: boolean;
    }
  | { readonly action: PlainActionWord }
  | { readonly action: "signal"; readonly signal: number }
  | { readonly action: "override" /** Negative errno. */; readonly error: number };

/**
 * Pods are included if a pod or container selector is there (both must fit), or if `host` is false;
 * so `{ host: true }` alone means host processes only, and `{ host: false }` all pods. A namespaced
 * policy is for pods of its namespace only.
 */
export type WorkloadSelector = {
  readonly podSelector?: LabelSelector;
  readonly containerSelector?: LabelSelector;
  /** Processes outside of pods are included. */
  readonly host: boolean;
};

export type LabelSelector = {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values: readonly string[];
  }[];
};
