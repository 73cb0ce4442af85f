// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import type { Logger } from "@gander/base";
import type { FilterOptions } from "../filters/filter.ts";
import { giveBackMemory } from "../host/spare-memory.ts";
import type { Kernel } from "../kernel/index.ts";
import type { EventPipeline } from "../pipeline/event-pipeline.ts";
import {
  createNodePolicies,
  EarlyPods,
  type EarlyPodsDeps,
  type EarlyPodsOptions,
  type NodePolicies,
  type PolicyManager,
} from "../policy/index.ts";
import { startHeldGuard } from "../policy/node/held-guard.ts";
import type { Cgroups } from "../workload/cgroups.ts";
import type { BundleKeeper } from "./bundle-keeper.ts";
import type { OperatorAccess } from "./operator-access.ts";
import type { OperatorLink } from "./operator-link.ts";

type ClusterPoliciesDeps = {
  readonly kernel: Pick<Kernel, "cgroups" | "early" | "found">;
  readonly policies: PolicyManager;
  readonly cgroups: Cgroups;
  readonly logger: Logger;
};

export type ClusterPoliciesOptions = {
  /** Undefined: the sensor has no operator. */
  readonly access: OperatorAccess | undefined;
  readonly nodeName: string;
  /** The folder of the operator's last version. */
  readonly folder: string;
  /** Undefined: processes of new pods just run. */
  readonly newPods: EarlyPodsOptions | undefined;
};

/** Policies of the cluster's operator. */
type ClusterPolicies = AsyncDisposable & {
  /** Puts the stored policies in force, requested within this call. Resolves then; never rejects. */
  restore(): Promise<void>;
  /** Whether the store has everything that was last to be in force; or there is no operator any more. */
  isWhole(): boolean;
  /** Undefined: there is no operator. */
  readonly keeper: BundleKeeper | undefined;
  /** Undefined: processes of new pods just run. */
  readonly early: EarlyPods | undefined;
};

/** Adopts those that an earlier sensor has left, and reads the store. */
export async function openClusterPolicies(
  { kernel, policies, cgroups, logger }: ClusterPoliciesDeps,
  { access, nodeName, folder, newPods }: ClusterPoliciesOptions,
): Promise<ClusterPolicies> {
  const adopted = policies.list().filter(({ origin }) => origin === "operator").length;
  // Cgroups may be in groups of policies although the manifest that describes the groups was lost.
  const isLeft = adopted > 0 || [...kernel.cgroups.entries()].length > 0;
  if (access === undefined && !isLeft)
    return {
      keeper: undefined,
      early: undefined,
      restore: async () => {},
      isWhole: () => true,
      [Symbol.asyncDispose]: async () => {},
    };
  await using parts = new AsyncDisposableStack();
  let early: EarlyPods | undefined;
  const startGuard: EarlyPodsDeps["startGuard"] = (guard) => startHeldGuard({ logger }, guard);
  const node = parts.use(
    await createNodePolicies({
      ...{ policies, cgroups, groups: kernel.cgroups, logger },
      ...(newPods !== undefined && {
        earlyPods: (existing) => {
          early = new EarlyPods({ kernel: kernel.early, startGuard, logger }, newPods, existing);
          return early;
        },
      }),
    }),
  );
  const keeper = access && parts.use(await openKeeper());
  parts.use(policies.onFuse(() => keeper?.fuseChanged()));
  const opened = parts.move();
  return {
    keeper,
    early,
    isWhole: () => keeper?.isWhole ?? true,
    // New tables are still empty: any stored policy is better.
    restore: () =>
      keeper?.restore(kernel.found === "same" && adopted > 0 ? "adopted" : "fresh") ??
      removeAll(node, logger),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };

  async function openKeeper(): Promise<BundleKeeper> {
    // Loaded only if there is an operator.
    const [{ BundleKeeper }, { BundleStore }] = await Promise.all([
      import("./bundle-keeper.ts"),
      import("./bundle-store.ts"),
    ]);
    const store = new BundleStore({ folder, node: nodeName });
    return new BundleKeeper({ store, policies: node, logger });
  }
}

/** Without an operator nothing else would ever remove them. */
async function removeAll(node: NodePolicies, logger: Logger): Promise<void> {
  try {
    await node.apply({ policies: [], pods: [] });
    logger.info(
      "Policies of the operator were taken out of force: the sensor no longer has an operator",
    );
  } catch (error) {
    logger.error("Policies of the operator cannot be taken out of force", { error });
  }
}

type ClusterLinkDeps = {
  readonly keeper: BundleKeeper;
  readonly pipeline: Pick<EventPipeline, "events" | "sessions">;
  readonly logger: Logger;
};

type ClusterLinkOptions = {
  readonly access: OperatorAccess;
  readonly nodeName: string;
  /** Of the operator's last version. */
  readonly folder: string;
  readonly sensorVersion: string;
  readonly filters: FilterOptions;
};

/** Connects to the operator, and reconnects. */
export async function connectToOperator(
  { keeper, pipeline, logger }: ClusterLinkDeps,
  { access, nodeName, folder, sensorVersion, filters }: ClusterLinkOptions,
): Promise<OperatorLink> {
  // Loaded late: enforcement should not wait for a gRPC library.
  const [
    { startOperatorLink },
    { createOperatorEvents },
    { kernelFactsMessage },
    { readKernelFacts },
  ] = await Promise.all([
    import("./operator-link.ts"),
    import("./operator-events.ts"),
    import("./kernel-facts-message.ts"),
    import("./read-kernel-facts.ts"),
  ]);
  const relay = createOperatorEvents({ events: pipeline.events, filters });
  const facts = () =>
    kernelFactsMessage(
      { read: readKernelFacts, done: giveBackMemory },
      { file: join(folder, "kernel-facts"), sensorVersion },
    );
  const link = startOperatorLink(
    { keeper, facts, relay, logger, sessions: pipeline.sessions },
    { access, node: nodeName, sensorVersion },
  );
  return {
    status: link.status,
    async [Symbol.asyncDispose]() {
      relay[Symbol.dispose]();
      await link[Symbol.asyncDispose]();
    },
  };
}
