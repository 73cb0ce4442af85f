// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type * as Wire from "@gander/proto/stream";
import { streamCodec } from "@gander/proto/stream";
import type {
  ArgTest,
  CompiledAction,
  CompiledArg,
  CompiledFilter,
  CompiledHook,
  CompiledPolicy,
  CompiledSelector,
  LabelSelector,
  Network,
} from "../compiled-policy.ts";

/** What goes to sensors, and is found by its digest. */
export type EncodedPolicy = {
  /** gander.v1.CompiledPolicy */
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes. */
  readonly digest: Uint8Array;
};

const codec = streamCodec("gander.v1.CompiledPolicy");

/**
 * A policy without its name and namespace: the same spec gives the same bytes, on every machine. A
 * digest is of the bytes and never of what was decoded from them: a reader that is older than the
 * writer would lose fields.
 */
export function encodePolicy(policy: CompiledPolicy): EncodedPolicy {
  const { mode, hooks, workloads, nodeSelector } = policy;
  const bytes = codec.encode({
    mode,
    hooks: hooks.map(wireHook),
    ...(workloads && {
      workloads: {
        ...(workloads.podSelector && { pod_selector: wireLabels(workloads.podSelector) }),
        ...(workloads.containerSelector && {
          container_selector: wireLabels(workloads.containerSelector),
        }),
        ...when("host", workloads.host),
      },
    }),
    ...(nodeSelector && { node_selector: wireLabels(nodeSelector) }),
  });
  return { bytes, digest: policyDigest(bytes) };
}

export function policyDigest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

/** proto3 writes no defaults; the library would write one that is given. */
function when<const K extends string, T>(key: K, value: T): { readonly [key in K]?: T } {
  const isDefault = value === false || value === 0 || value === "" || value === undefined;
  return isDefault ? {} : ({ [key]: value } as { readonly [key in K]?: T });
}

function wireHook(hook: CompiledHook): Wire.Hook {
  return {
    kind: hook.kind,
    target: hook.target,
    ...when("syscall", hook.syscall),
    ...when("raw", hook.raw),
    path: hook.path,
    ...when("index", hook.index),
    ...when("ignore_call_not_found", hook.ignoreCallNotFound),
    ...when("message", hook.message),
    tags: hook.tags,
    args: hook.args.map(wireArg),
    ...(hook.returnArg && { return_arg: wireArg(hook.returnArg) }),
    selectors: hook.selectors.map(wireSelector),
  };
}

function wireArg({ index, type, label, sizeIndex, returnCopy }: CompiledArg): Wire.Arg {
  return {
    ...when("index", index),
    type,
    ...when("label", label),
    ...(sizeIndex === undefined ? {} : { size_index: sizeIndex }),
    ...when("return_copy", returnCopy),
  };
}

function wireSelector(selector: CompiledSelector): Wire.Selector {
  return {
    ...when("index", selector.index),
    ...when("label", selector.label),
    filters: selector.filters.map(wireFilter),
    return_filters: selector.returnFilters.map(wireFilter),
    actions: selector.actions.map(wireAction),
    return_actions: selector.returnActions.map(wireAction),
  };
}

function wireFilter(filter: CompiledFilter): Wire.Filter {
  const negate = "negate" in filter ? when("negate", filter.negate) : {};
  switch (filter.on) {
    case "arg":
      return {
        arg: { ...(filter.arg === "return" ? {} : { arg: filter.arg }), ...wireTest(filter.test) },
      };
    case "pid":
      return {
        pid: {
          ...negate,
          ...when("in_namespace", filter.inNamespace),
          ...when("follow_forks", filter.followForks),
          pids: filter.pids,
        },
      };
    case "binary":
      return {
        binary: {
          ...negate,
          match: filter.match,
          ...when("follow_children", filter.followChildren),
          paths: filter.paths,
        },
      };
    case "namespace": {
      const hostAt = filter.ids.indexOf("host");
      return {
        namespace: {
          ...negate,
          namespace: filter.namespace,
          ids: filter.ids.filter((id) => id !== "host"),
          ...(hostAt < 0 ? {} : { host_at: hostAt }),
        },
      };
    }
    case "capability":
      return {
        capability: {
          ...negate,
          set: filter.set,
          ...when("in_user_namespace", filter.inUserNamespace),
          capabilities: filter.capabilities,
        },
      };
  }
}

function wireTest(test: ArgTest): Wire.ArgFilter {
  const head = { op: test.op, ...when("negate", test.negate) };
  if ("networks" in test) return { ...head, networks: { values: test.networks.map(wireNetwork) } };
  if ("ranges" in test) return { ...head, integers: wireIntegers(test.ranges.flat().map(BigInt)) };
  switch (test.op) {
    case "str-equal":
    case "str-prefix":
    case "str-postfix":
      return { ...head, texts: { values: test.values } };
    default:
      return { ...head, integers: wireIntegers(test.values.map(BigInt)) };
  }
}

/** `numbers` ascend, so those that only fit an unsigned field are the last. */
function wireIntegers(numbers: readonly bigint[]): Wire.Integers {
  const isLarge = (number: bigint) => number >= 2n ** 63n;
  return {
    values: numbers.filter((number) => !isLarge(number)).map(String),
    large: numbers.filter(isLarge).map(String),
  };
}

function wireNetwork({ address, prefixLength }: Network): Wire.Network {
  return { address: Buffer.from(address, "hex"), ...when("prefix_length", prefixLength) };
}

function wireAction(action: CompiledAction): Wire.Action {
  switch (action.action) {
    case "post": {
      const { rateLimit } = action;
      return {
        post: {
          ...(rateLimit && {
            rate_limit: { ...when("window_ms", rateLimit.windowMs), scope: rateLimit.scope },
          }),
          ...when("kernel_stack", action.kernelStack),
          ...when("user_stack", action.userStack),
        },
      };
    }
    case "no-post":
      return { no_post: {} };
    case "sigkill":
      return { sigkill: {} };
    case "signal":
      return { signal: action.signal };
    case "override":
      return { override: action.error };
  }
}

function wireLabels({ matchLabels, matchExpressions }: LabelSelector): Wire.LabelSelector {
  const labels = Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    match_labels: labels.map(([key, value]) => ({ key, ...when("value", value) })),
    match_expressions: matchExpressions,
  };
}
