// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from "node:timers/promises";
import type { Logger } from "@gander/base";
import {
  kernelFindings,
  mergeFindings,
  type RemoteKernelFacts,
  unreadable,
} from "@gander/policy/fleet";
import { policyScope } from "../workloads/policy-scope.ts";
import type { Labels, PolicyTargets } from "../workloads/workload.ts";
import type { CheckFleet } from "./fleet-report.ts";
import { readSentKernel } from "./sent-kernel.ts";

export type FleetKernels = {
  /** Nodes with a connected sensor, and the digest (hex) of the node's KernelFacts, "" if it has none. */
  nodes(): Iterable<{ readonly node: string; readonly kernel: string }>;
  /** Undefined if the node is unknown. */
  labels(node: string): Labels | undefined;
  /** Encoded KernelFacts by digest; undefined if not received yet. */
  facts(digest: string): Uint8Array | undefined;
};

type CheckFleetDeps = { readonly kernels: FleetKernels; readonly logger: Logger };

type CheckFleetOptions = {
  /** How many unpacked kernels are cached, 10 MB each, and for how long after their last use. */
  readonly kept?: number;
  readonly keptMs?: number;
};

/** Checks the kernels of a policy's nodes, most common kernels first, one per turn of the event loop. */
export function createCheckFleet(
  { kernels, logger }: CheckFleetDeps,
  options: CheckFleetOptions = {},
): CheckFleet {
  const unpacked = createUnpackedKernels(kernels, options);
  return async (policy, { signal }) => {
    const counts = countKernels(kernels, policy);
    const ordered = [...counts].sort(([, a], [, b]) => b - a);
    const checked = [];
    for (const [digest, nodes] of ordered) {
      if (signal.aborted) break;
      const facts = await unpacked.get(digest);
      if (facts === undefined) continue;
      if (facts instanceof Error) {
        logger.warn("what a sensor reported about its kernel cannot be read", {
          digest,
          error: facts,
        });
        checked.push({
          release: digest.slice(0, 12),
          nodes,
          findings: [unreadable(facts.message)],
        });
      } else {
        checked.push({ release: facts.release, nodes, findings: kernelFindings(policy, facts) });
      }
      await turn();
    }
    const sum = (all: Iterable<number>) => Iterator.from(all).reduce((a, b) => a + b, 0);
    const nodes = sum(counts.values());
    const reached = sum(checked.map((one) => one.nodes));
    return { findings: mergeFindings(checked), nodes, unknown: nodes - reached };
  };
}

/** Every node that the policy can ever be for, whatever pods are there now. */
export function nodesOnly({ nodeSelector }: Parameters<CheckFleet>[0]): PolicyTargets {
  return { namespace: "", ...(nodeSelector && { nodeSelector }) };
}

/** Counts the nodes that the policy applies to, by kernel digest. */
function countKernels(
  kernels: FleetKernels,
  policy: Parameters<CheckFleet>[0],
): ReadonlyMap<string, number> {
  const { nodes: isFor } = policyScope(nodesOnly(policy));
  const counts = new Map<string, number>();
  for (const { node, kernel } of kernels.nodes()) {
    // A node whose object has not been read may have any labels.
    const labels = kernels.labels(node);
    if (labels !== undefined && !isFor(labels)) continue;
    counts.set(kernel, (counts.get(kernel) ?? 0) + 1);
  }
  return counts;
}

type Unpacked = RemoteKernelFacts | Error | undefined;

/** Caches the most recently used kernels; unpacking one takes 50 ms. */
function createUnpackedKernels(
  { facts }: Pick<FleetKernels, "facts">,
  { kept = 8, keptMs = 60_000 }: CheckFleetOptions,
) {
  const known = new Map<string, Promise<Unpacked>>();
  let forget: NodeJS.Timeout | undefined;
  return {
    get(digest: string): Promise<Unpacked> {
      forget ??= setTimeout(() => known.clear(), keptMs).unref();
      forget.refresh();
      const before = known.get(digest);
      known.delete(digest);
      const encoded = before === undefined ? facts(digest) : undefined;
      const found = before ?? (encoded && readSentKernel(encoded).catch(asError));
      if (found === undefined) return Promise.resolve(undefined);
      known.set(digest, found);
      for (const [oldest] of known) if (known.size > kept) known.delete(oldest);
      return found;
    },
  };
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)));
