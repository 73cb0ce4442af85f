// SPDX-License-Identifier: Apache-2.0
// For kernel tests: the kernel and the policy manager as the sensor has them, in folders of their own.
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { createLogger, type LogLevel } from "@gander/base";
import { type CheckedPolicy, checkPolicy, type EventBudget, type Fuse } from "@gander/policy";
import { createKernel, type Kernel } from "../src/kernel/index.ts";
import {
  createFuseFile,
  createManifestFile,
  createPolicyManager,
  type ManifestFile,
  noManifests,
  type PolicyManager,
  type PolicyState,
} from "../src/policy/index.ts";

export type GuestSensorOptions = {
  /** Tests that must not see each other's programs use different names. */
  readonly name?: string;
  readonly ringBytes?: number;
  readonly detachUnusedAfterMs?: number;
  readonly logLevel?: LogLevel;
  readonly eventBudget?: EventBudget;
  readonly fuse?: Fuse;
};

export type GuestSensor = AsyncDisposable & {
  readonly kernel: Kernel;
  readonly policies: PolicyManager;
  readonly manifest: ManifestFile;
  readonly manifestPath: string;
  /** Stops without taking anything away, as SIGKILL does. */
  abandon(): Promise<void>;
};

export async function startGuestSensor(options: GuestSensorOptions = {}): Promise<GuestSensor> {
  const { name = "gander-test", ringBytes = 1 << 20, logLevel = "error" } = options;
  const logger = createLogger({ level: logLevel });
  const bpfFolder = `/sys/fs/bpf/${name}`;
  const manifestPath = `/run/${name}/manifest`;
  mkdirSync(bpfFolder, { recursive: true });
  const manifest = createManifestFile(manifestPath);
  const stored = manifest.load();
  const { manifests } = stored;
  const kernel = await createKernel({ logger }, { bpfFolder, ringBytes, manifests });
  const policies = createPolicyManager(
    {
      ...{ kernel: kernel.policies, manifest, left: kernel.left, logger },
      fuseFile: createFuseFile(`/run/${name}/fuses`),
    },
    {
      kernelId: kernel.id,
      stored: kernel.found === "nothing" ? noManifests : stored,
      ...{ eventBudget: options.eventBudget, fuse: options.fuse },
      ...(options.detachUnusedAfterMs === undefined
        ? {}
        : { detachUnusedAfterMs: options.detachUnusedAfterMs }),
    },
  );
  const abandon = async () => {
    await policies[Symbol.asyncDispose]();
    await kernel[Symbol.asyncDispose]();
  };
  return {
    kernel,
    policies,
    manifest,
    manifestPath,
    abandon,
    async [Symbol.asyncDispose]() {
      await policies[Symbol.asyncDispose]();
      await kernel.removeAll();
      rmSync(`/run/${name}`, { recursive: true, force: true });
    },
  };
}

/** The policy in a text of YAML; fails the test if it isn't right. */
export function policyOf(text: string): CheckedPolicy {
  const { value, problems } = checkPolicy(text, { file: "test.yaml" });
  assert.ok(value, problems?.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  const [policy] = value;
  assert.ok(policy);
  return policy;
}

/** A policy with one section, e.g. `kprobes:` and its entries as YAML; of the kind that has all fields. */
export function policyText(name: string, spec: string): string {
  const indented = spec
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => `  ${line}`)
    .join("\n");
  return `apiVersion: gander.dev/v1alpha1\nkind: GuardPolicy\nmetadata:\n  name: ${name}\nspec:\n${indented}\n`;
}

/** One selector with a filter besides; the calls are umask(030). */
export function umaskPolicy(name: string, filter: string): string {
  return policyText(
    name,
    `
kprobes:
- call: sys_umask
  args: [{ index: 0, type: int }]
  selectors:
  - matchArgs: [{ index: 0, operator: Equal, values: ["24"] }]
    ${filter}`,
  );
}

export async function addPolicy(policies: PolicyManager, text: string): Promise<PolicyState> {
  const { value, problems } = await policies.add(policyOf(text), "static");
  assert.ok(value, problems?.map(({ message, hint }) => `${message} ${hint}`).join("\n"));
  return value;
}

export function stateOf(policies: PolicyManager, name: string): PolicyState {
  const state = policies.list().find((one) => one.name === name);
  assert.ok(state, `no policy ${name}`);
  return state;
}

/** Everything that the kernel counts adds up. */
export function assertCountsAddUp(state: PolicyState): void {
  for (const { how, counters } of state.hooks.flatMap(({ attachments }) => attachments)) {
    const { hits, filtered, unevaluated, matched, emitted } = counters;
    const { suppressedRateLimit, suppressedBudget, suppressedNoPost } = counters;
    const suppressed = suppressedRateLimit + suppressedBudget + suppressedNoPost;
    const told = emitted + suppressed + counters.lostRing + counters.lostMemory;
    assert.equal(matched, told, `${state.name}, ${how}: matched`);
    assert.equal(hits, filtered + unevaluated + told, `${state.name}, ${how}: hits`);
    assert.ok(filtered >= 0n, `${state.name}, ${how}: filtered`);
  }
}

/** Records in the ring, by type; takes them out. */
export function drainTypes({ rings }: Kernel): Map<number, number> {
  const { events } = rings;
  const types = new Map<number, number>();
  const view = new DataView(events.bytes.buffer, events.bytes.byteOffset);
  events.drain((offset) => {
    const type = view.getUint16(offset, true);
    types.set(type, (types.get(type) ?? 0) + 1);
  });
  return types;
}
