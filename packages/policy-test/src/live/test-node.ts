// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from "node:crypto";
import { mkdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createLogger, type Logger } from "@gander/base";
import type { CompiledPolicy } from "@gander/policy";
import { createKernel, type Kernel } from "@gander/sensor/kernel";
import {
  createManifestFile,
  createNodePolicies,
  createPolicyManager,
  noManifests,
  type PolicyManager,
  type PolicyState,
} from "@gander/sensor/policy";
import { requirePreconditions } from "@gander/sensor/preconditions";
import { recordOffsets } from "@gander/sensor/records";
import { type Cgroups, createCgroups } from "@gander/sensor/workload";

/** The kernel half of a sensor, with one pod of one container. Policies are for that pod alone. */
export type TestNode = AsyncDisposable & {
  /** The container's. */
  readonly cgroup: string;
  /** Puts these in force for the pod, instead of those before. @throws Error if one can't be. */
  use(policies: readonly CompiledPolicy[], labels: Readonly<Record<string, string>>): Promise<void>;
  states(): readonly PolicyState[];
};

const name = "gander-policy-test";
const cgroupRoot = "/sys/fs/cgroup";

/** Reads the rings; the result stops that. */
export type ReadEvents = (
  kernel: Kernel,
  others: { readonly policies: PolicyManager; readonly cgroups: Cgroups; readonly logger: Logger },
) => Promise<AsyncDisposable>;

/** @throws GanderError if this machine, or the caller's rights, lack something. */
export async function startTestNode(readEvents: ReadEvents = discardEvents): Promise<TestNode> {
  const bpfFolder = `/sys/fs/bpf/${name}-${process.pid}`;
  requirePreconditions({ bpfFolder, cgroupRoot, holdsPods: false }, "start");
  const logger = createLogger({ level: "error" });
  const [uid, container] = [randomBytes(16), randomBytes(32)].map((bytes) => bytes.toString("hex"));
  const podUid = uid?.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-") ?? "";
  const slice = join(cgroupRoot, `${name}-${process.pid}`);
  const pod = join(slice, `kubepods-besteffort-pod${podUid.replaceAll("-", "_")}.slice`);
  const cgroup = join(pod, `cri-containerd-${container}.scope`);
  mkdirSync(cgroup, { recursive: true });
  const folder = `/run/${name}-${process.pid}`;
  const kernel = await createKernel({ logger }, { bpfFolder });
  const manifest = createManifestFile(join(folder, "manifest"));
  const policies = createPolicyManager(
    { kernel: kernel.policies, manifest, left: kernel.left, logger },
    { kernelId: kernel.id, stored: noManifests },
  );
  const cgroups = createCgroups(recordOffsets(kernel.layouts), { root: cgroupRoot });
  const node = await createNodePolicies({ policies, cgroups, groups: kernel.cgroups, logger });
  const reader = await readEvents(kernel, { policies, cgroups, logger });
  let generation = 0;
  return {
    cgroup,
    async use(compiled, labels) {
      generation++;
      const shortfalls = await node.apply({
        policies: compiled.map((policy) => ({
          ...{ uid: `${generation}-${policy.name}`, generation, compiled: policy, mode: "" },
          ...{ name: policy.name, namespace: policy.namespace },
        })),
        pods: [
          {
            ...{ uid: podUid, namespace: "test", name: "test", labels },
            policies: compiled.map((policy) => `${generation}-${policy.name}`),
          },
        ],
      });
      const first = shortfalls.find(({ state }) => state !== "degraded");
      if (first !== undefined) throw new Error(`${first.uid}: ${first.state}: ${first.message}`);
    },
    states: () => policies.list(),
    async [Symbol.asyncDispose]() {
      await reader[Symbol.asyncDispose]();
      node[Symbol.dispose]();
      await policies[Symbol.asyncDispose]();
      await kernel.removeAll();
      rmSync(folder, { recursive: true, force: true });
      for (const path of [cgroup, pod, slice]) rmdirSync(path);
    },
  };
}

/** Events are counted, and nobody reads them. */
async function discardEvents({ rings }: Kernel): Promise<AsyncDisposable> {
  const timer = setInterval(() => {
    for (const ring of [rings.urgent, rings.events]) {
      while (ring.next());
      ring.release();
    }
  }, 20);
  return { [Symbol.asyncDispose]: async () => clearInterval(timer) };
}
