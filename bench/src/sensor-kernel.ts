// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogger, type Logger } from "@gander/base";
import { type CheckedPolicy, checkPolicy } from "@gander/policy";
import { createKernel, type Kernel } from "@gander/sensor/kernel";
import {
  createManifestFile,
  createPolicyManager,
  noManifests,
  type PolicyManager,
} from "@gander/sensor/policy";
import { repository } from "./repository.ts";

const bpfFolder = "/sys/fs/bpf/gander-bench";

/** The sensor's kernel half in this process: nothing else runs during a measurement. */
export interface SensorKernel extends AsyncDisposable {
  readonly kernel: Kernel;
  readonly policies: PolicyManager;
  /** Puts exactly these in force. @throws Error if this fails for one of them. */
  use(texts: readonly string[]): Promise<void>;
  /** Puts these in force beside those that are, and waits until the old tables are cleared away. @throws Error */
  add(texts: readonly string[]): Promise<void>;
  /** Removes the policy of this name, and waits as `add` does. */
  remove(name: string): Promise<void>;
  /** How the hooks of all policies are attached, e.g. `fentry program on x`. */
  attachments(): string[];
  /** Removes all policies and waits until no hook is attached. */
  detachAll(): Promise<void>;
  /** From now on, no policy applies to processes of this cgroup; or those of group 0 apply again. */
  exempt(who: "this cgroup" | "nobody"): void;
  /** Reads and discards the records in the ring. */
  drain(): void;
}

export async function openSensorKernel(): Promise<SensorKernel> {
  const logger: Logger = createLogger({ level: "warn" });
  const objectsFolder = join(repository, "bpf/build");
  const kernel = await createKernel({ logger }, { bpfFolder, objectsFolder });
  const manifest = createManifestFile("/run/gander-bench.manifest");
  const policies = createPolicyManager(
    { kernel: kernel.policies, manifest, left: kernel.left, logger },
    { kernelId: kernel.id, stored: noManifests, detachUnusedAfterMs: 1 },
  );
  await policies.started();

  const removeAll = async () => {
    await Promise.all(policies.list().map((policy) => policies.remove(policy)));
  };
  const addAll = async (texts: readonly string[]) => {
    const results = await Promise.all(
      parsePolicies(texts).map((policy) => policies.add(policy, "static")),
    );
    for (const { value, problems } of results)
      if (value?.state !== "enabled")
        throw new Error(`A policy is not in force: ${JSON.stringify(problems ?? value?.error)}`);
  };
  return {
    kernel,
    policies,
    async use(texts) {
      await removeAll();
      await addAll(texts);
    },
    async add(texts) {
      await addAll(texts);
      await policies.exclusively(() => undefined);
    },
    async remove(name) {
      await policies.remove({ name, namespace: "", origin: "static" });
      await policies.exclusively(() => undefined);
    },
    attachments: () => [
      ...new Set(
        policies
          .list()
          .flatMap(({ hooks }) => hooks.flatMap((hook) => hook.attachments.map(({ how }) => how))),
      ),
    ],
    async detachAll() {
      await removeAll();
      for (let tries = 0; kernel.policies.attachedHooks().size > 0; tries++) {
        if (tries > 1000) throw new Error("Hooks without policies stay attached");
        await sleep(10);
      }
    },
    exempt: (who) => exempt(kernel, who),
    drain() {
      const { events } = kernel.rings;
      while (events.next());
      events.release();
    },
    async [Symbol.asyncDispose]() {
      await policies[Symbol.asyncDispose]();
      await kernel.removeAll();
      manifest.remove();
    },
  };
}

const parsed = new Map<string, readonly CheckedPolicy[]>();

/** Parses each text once. @throws Error, with all problems. */
function parsePolicies(texts: readonly string[]): CheckedPolicy[] {
  return texts.flatMap((text) => {
    const known = parsed.get(text);
    if (known !== undefined) return known;
    const { value, problems } = checkPolicy(text, { file: "bench" });
    if (value === undefined) throw new Error(`A policy is wrong: ${JSON.stringify(problems)}`);
    parsed.set(text, value);
    return value;
  });
}

/** Group 1 has no policies: the operator's assignment for a pod without any. */
function exempt({ cgroups }: Kernel, who: "this cgroup" | "nobody"): void {
  const id = statSync(ownCgroup(), { bigint: true }).ino;
  if (who === "this cgroup") {
    cgroups.set(id, 1);
    return;
  }
  cgroups.delete(id);
  cgroups.tidy(); // else programs keep looking up cgroups
}

/** The cgroup of this process and of all that it starts. */
function ownCgroup(): string {
  const path = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
  return join("/sys/fs/cgroup", path);
}
