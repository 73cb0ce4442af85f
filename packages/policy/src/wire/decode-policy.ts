// SPDX-License-Identifier: Apache-2.0
import type * as Wire from "@gander/proto/stream";
import { streamCodec, unknownStreamFields } from "@gander/proto/stream";
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
  WorkloadSelector,
} from "../compiled-policy.ts";
import { policyDigest } from "./encode-policy.ts";
import { word, words } from "./words.ts";

/** Why the bytes can't be used, for a person: "it holds what this version does not know: hooks.13". */
export type Undecodable = { readonly value?: never; readonly problem: string };

const codec = streamCodec("gander.v1.CompiledPolicy");

/**
 * The policy that `encodePolicy` encoded, but for its digest, which is that of the bytes. Refuses what it
 * doesn't wholly understand, as a filter left out would make another policy of it. Never throws.
 */
export function decodePolicy(
  bytes: Uint8Array,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): { readonly value: CompiledPolicy; readonly problem?: never } | Undecodable {
  try {
    const unknown = unknownStreamFields("gander.v1.CompiledPolicy", bytes);
    if (unknown.length > 0)
      return {
        problem: `it holds what this version does not know: ${unknown.slice(0, 3).join(", ")}`,
      };
    const wire = codec.decode(bytes);
    return {
      value: {
        name,
        namespace,
        digest: `sha256:${Buffer.from(policyDigest(bytes)).toString("hex")}`,
        mode: word(words.mode, wire.mode),
        hooks: (wire.hooks ?? []).map(hookOf),
        ...(wire.workloads && { workloads: workloadsOf(wire.workloads) }),
        ...(wire.node_selector && { nodeSelector: labelsOf(wire.node_selector) }),
      },
    };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function hookOf(wire: Wire.Hook): CompiledHook {
  return {
    kind: word(words.hookKind, wire.kind),
    target: wire.target ?? "",
    syscall: wire.syscall ?? false,
    raw: wire.raw ?? false,
    path: wire.path ?? "",
    index: wire.index ?? 0,
    ignoreCallNotFound: wire.ignore_call_not_found ?? false,
    message: wire.message ?? "",
    tags: wire.tags ?? [],
    args: (wire.args ?? []).map(argOf),
    ...(wire.return_arg && { returnArg: argOf(wire.return_arg) }),
    selectors: (wire.selectors ?? []).map(selectorOf),
  };
}

function argOf(wire: Wire.Arg): CompiledArg {
  return {
    index: wire.index ?? 0,
    type: word(words.argType, wire.type),
    label: wire.label ?? "",
    ...(wire.size_index === undefined ? {} : { sizeIndex: wire.size_index }),
    returnCopy: wire.return_copy ?? false,
  };
}

function selectorOf(wire: Wire.Selector): CompiledSelector {
  return {
    index: wire.index ?? 0,
    label: wire.label ?? "",
    filters: (wire.filters ?? []).map(filterOf),
    returnFilters: (wire.return_filters ?? []).map(filterOf),
    actions: (wire.actions ?? []).map(actionOf),
    returnActions: (wire.return_actions ?? []).map(actionOf),
  };
}

function filterOf({ arg, pid, binary, namespace, capability }: Wire.Filter): CompiledFilter {
  if (arg) return { on: "arg", arg: arg.arg ?? "return", test: testOf(arg) };
  if (pid)
    return {
      on: "pid",
      negate: pid.negate ?? false,
      inNamespace: pid.in_namespace ?? false,
      followForks: pid.follow_forks ?? false,
      pids: pid.pids ?? [],
    };
  if (binary)
    return {
      on: "binary",
      negate: binary.negate ?? false,
      match: word(words.binaryMatch, binary.match),
      followChildren: binary.follow_children ?? false,
      paths: binary.paths ?? [],
    };
  if (namespace)
    return {
      on: "namespace",
      negate: namespace.negate ?? false,
      namespace: word(words.namespace, namespace.namespace),
      ids: idsOf(namespace),
    };
  if (capability)
    return {
      on: "capability",
      negate: capability.negate ?? false,
      set: word(words.capabilitySet, capability.set),
      inUserNamespace: capability.in_user_namespace ?? false,
      capabilities: capability.capabilities ?? [],
    };
  throw new Error("it has a filter on nothing");
}

function idsOf({ ids = [], host_at }: Wire.NamespaceFilter): readonly (number | "host")[] {
  return host_at === undefined ? ids : [...ids.slice(0, host_at), "host", ...ids.slice(host_at)];
}

function testOf({ op, negate = false, integers, texts, networks }: Wire.ArgFilter): ArgTest {
  const numbers = [...(integers?.values ?? []), ...(integers?.large ?? [])].map(BigInt);
  const is = word(words.argOp, op);
  switch (is) {
    case "range":
      return { op: is, negate, ranges: pairs(numbers) };
    case "sport":
    case "dport":
      return { op: is, negate, ranges: pairs(numbers.map(Number)) };
    case "saddr":
    case "daddr":
      return { op: is, negate, networks: (networks?.values ?? []).map(networkOf) };
    case "str-equal":
    case "str-prefix":
    case "str-postfix":
      return { op: is, negate, values: texts?.values ?? [] };
    case "protocol":
    case "family":
    case "state":
      return { op: is, negate, values: numbers.map(Number) };
    default:
      return { op: is, negate, values: numbers };
  }
}

function pairs<T>(bounds: readonly T[]): readonly (readonly [T, T])[] {
  const result: (readonly [T, T])[] = [];
  for (let i = 0; i < bounds.length; i += 2) {
    const [from, to] = bounds.slice(i, i + 2);
    if (from === undefined || to === undefined) throw new Error("it has a range without an end");
    result.push([from, to]);
  }
  return result;
}

function networkOf({ address = new Uint8Array(), prefix_length = 0 }: Wire.Network): Network {
  if (address.length !== 4 && address.length !== 16)
    throw new Error(`it has an address of ${address.length} bytes`);
  return {
    family: address.length === 4 ? 4 : 6,
    address: Buffer.from(address).toString("hex"),
    prefixLength: prefix_length,
  };
}

function actionOf({ post, no_post, sigkill, signal, override }: Wire.Action): CompiledAction {
  if (post) {
    const { rate_limit, kernel_stack = false, user_stack = false } = post;
    return {
      action: "post",
      ...(rate_limit && {
        rateLimit: {
          windowMs: rate_limit.window_ms ?? 0,
          scope: word(words.rateScope, rate_limit.scope),
        },
      }),
      kernelStack: kernel_stack,
      userStack: user_stack,
    };
  }
  if (no_post) return { action: "no-post" };
  if (sigkill) return { action: "sigkill" };
  if (signal !== undefined) return { action: "signal", signal };
  if (override !== undefined) return { action: "override", error: override };
  throw new Error("it has an action that does nothing");
}

function workloadsOf(wire: Wire.WorkloadSelector): WorkloadSelector {
  const { pod_selector, container_selector, host = false } = wire;
  return {
    ...(pod_selector && { podSelector: labelsOf(pod_selector) }),
    ...(container_selector && { containerSelector: labelsOf(container_selector) }),
    host,
  };
}

function labelsOf({
  match_labels = [],
  match_expressions = [],
}: Wire.LabelSelector): LabelSelector {
  return {
    matchLabels: Object.fromEntries(match_labels.map(({ key = "", value = "" }) => [key, value])),
    matchExpressions: match_expressions.map(({ key = "", operator, values = [] }) => ({
      key,
      operator: word(words.labelOperator, operator),
      values,
    })),
  };
}
