// SPDX-License-Identifier: Apache-2.0
// For kernel tests: cgroups named as the kubelet names them, and processes in them.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogger } from "@gander/base";
import { checkPolicy } from "@gander/policy";
import type { Kernel } from "../src/kernel/index.ts";
import { recordType } from "../src/link/abi.gen.ts";
import {
  createNodePolicies,
  type NodePod,
  type NodePolicies,
  type NodePolicy,
  type NodeVersion,
  type PolicyShortfall,
} from "../src/policy/index.ts";
import { EarlyPods, type EarlyPodsOptions } from "../src/policy/node/early-pods.ts";
import { type HeldGuardOptions, startHeldGuard } from "../src/policy/node/held-guard.ts";
import { recordOffsets } from "../src/records/record-layouts.ts";
import { RecordReader } from "../src/records/record-reader.ts";
import { type Cgroups, createCgroups } from "../src/workload/cgroups.ts";
import { createContainerBundles } from "../src/workload/container-bundles.ts";
import { type GuestSensor, type GuestSensorOptions, startGuestSensor } from "./guest-sensor.ts";

export const cgroupRoot = "/sys/fs/cgroup";
export const bundleFolder = "/run/test-bundles";

export type GuestNode = GuestSensor & {
  readonly node: NodePolicies & Disposable;
  readonly cgroups: Cgroups;
  /** Undefined unless the option `newPods` is given. */
  readonly early: EarlyPods | undefined;
};

export type GuestNodeOptions = GuestSensorOptions & { readonly newPods?: EarlyPodsOptions };

/** A sensor that knows of pods and hears of cgroups as the pipeline would. */
export async function startGuestNode(options: GuestNodeOptions = {}): Promise<GuestNode> {
  const sensor = await startGuestSensor(options);
  const { kernel, policies } = sensor;
  const offsets = recordOffsets(kernel.layouts);
  const bundles = createContainerBundles([join(bundleFolder, "ID/config.json")]);
  const cgroups = createCgroups(offsets, { root: cgroupRoot, bundles });
  const logger = createLogger({ level: options.logLevel ?? "error" });
  const { newPods } = options;
  let early: EarlyPods | undefined;
  const node = await createNodePolicies({
    ...{ policies, cgroups, groups: kernel.cgroups, logger },
    ...(newPods && {
      earlyPods: (existing) => {
        const startGuard = (guard: HeldGuardOptions) => startHeldGuard({ logger }, guard);
        early = new EarlyPods({ kernel: kernel.early, logger, startGuard }, newPods, existing);
        return early;
      },
    }),
  });
  const listening = listen(kernel, cgroups);
  return {
    ...sensor,
    node,
    cgroups,
    early,
    async abandon() {
      node[Symbol.dispose]();
      clearInterval(listening);
      await sensor.abandon();
    },
    async [Symbol.asyncDispose]() {
      node[Symbol.dispose]();
      clearInterval(listening);
      await sensor[Symbol.asyncDispose]();
    },
  };
}

/** Reads both rings, for cgroups alone. */
function listen(kernel: Kernel, cgroups: Cgroups): NodeJS.Timeout {
  const offsets = recordOffsets(kernel.layouts);
  const reader = new RecordReader();
  const { urgent, events } = kernel.rings;
  const read = (ring: typeof urgent) => {
    while (ring.next()) {
      if (ring.length < offsets.cgroupRecord.size) continue;
      if (reader.bytes !== ring.bytes) reader.over(ring.bytes);
      reader.at(ring.offset, ring.length);
      const type = reader.u16(offsets.type);
      if (type === recordType.RECORD_CGROUP_MKDIR) cgroups.created(reader);
      if (type === recordType.RECORD_CGROUP_RMDIR) cgroups.removed(reader);
    }
    ring.release();
  };
  kernel.onReadable(() => {
    read(urgent);
    read(events);
  });
  return setInterval(() => read(events), 20);
}

/** A UID that is the same for the same name. */
export function uidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return [8, 4, 4, 4, 12].map((length, i) => hex.slice(i * 13, i * 13 + length)).join("-");
}

export function containerIdOf(name: string): string {
  return createHash("sha256").update(`container ${name}`).digest("hex");
}

export type Driver = "systemd" | "cgroupfs" | "nested";

/** The pod's cgroup, as one of the kubelet's drivers names it. */
export function podCgroup(name: string, driver: Driver = "systemd"): string {
  const uid = uidOf(name);
  const slice = (prefix: string) =>
    `${prefix}kubepods-burstable-pod${uid.replaceAll("-", "_")}.slice`;
  switch (driver) {
    case "systemd":
      return join(cgroupRoot, "kubepods.slice/kubepods-burstable.slice", slice(""));
    case "cgroupfs":
      return join(cgroupRoot, "kubepods/burstable", `pod${uid}`);
    case "nested":
      return join(
        cgroupRoot,
        `system.slice/docker-${containerIdOf("node")}.scope/kubelet.slice`,
        "kubelet-kubepods.slice/kubelet-kubepods-burstable.slice",
        slice("kubelet-"),
      );
  }
}

export function containerCgroup(pod: string, container: string): string {
  const id = containerIdOf(`${basename(pod)} ${container}`);
  return join(pod, pod.endsWith(".slice") ? `cri-containerd-${id}.scope` : id);
}

/** What containerd writes before it makes the container's cgroup. */
export function writeBundle(cgroup: string, name: string, image: string): void {
  const [id = ""] = /[0-9a-f]{64}/.exec(basename(cgroup)) ?? [];
  mkdirSync(join(bundleFolder, id), { recursive: true });
  const annotations = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": name,
    "io.kubernetes.cri.image-name": image,
  };
  writeFileSync(join(bundleFolder, id, "config.json"), JSON.stringify({ annotations }));
}

export function makeCgroup(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

/** With all below it; no process may be left in them. */
export async function removeCgroup(path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  for (let i = 0; ; i++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      // The last process may be on its way out still.
      if (i === 1_000) throw error;
      await sleep(20);
    }
  }
}

/** A shell in a cgroup that does what it is told. */
export type Inmate = AsyncDisposable & {
  readonly pid: number;
  /** Exit status of the command. */
  run(command: string): Promise<number>;
  /** Whether it can write to the file. */
  writes(path: string): Promise<boolean>;
};

export async function startInmate(cgroup: string | undefined): Promise<Inmate> {
  const child: ChildProcess = spawn("bash", [], { stdio: ["pipe", "pipe", "ignore"] });
  await once(child, "spawn");
  if (cgroup !== undefined) writeFileSync(join(cgroup, "cgroup.procs"), String(child.pid));
  child.stdout?.setEncoding("utf8");
  let text = "";
  child.stdout?.on("data", (chunk: string) => {
    text += chunk;
  });
  let asked = 0;
  const run = async (command: string) => {
    const mark = `status ${asked++} `;
    child.stdin?.write(`${command}\necho "${mark}$?"\n`);
    for (let i = 0; ; i++) {
      const [, status] = new RegExp(`^${mark}(\\d+)$`, "m").exec(text) ?? [];
      if (status !== undefined) return Number(status);
      assert.ok(i < 3000 && child.exitCode === null, `no answer to ${command}`);
      await sleep(5);
    }
  };
  return {
    pid: child.pid ?? 0,
    run,
    writes: async (path) => (await run(`( echo x >> ${path} ) 2>/dev/null`)) === 0,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

export const guarded = "/etc/gander-guarded";
mkdirSync(guarded, { recursive: true });

export type PolicyOptions = Partial<
  Pick<NodePolicy, "uid" | "generation" | "mode"> & {
    /** YAML lines of the spec before the hook: selectors. */
    readonly selectors: string;
    readonly namespace: string;
    readonly message: string;
    readonly call: string;
    /** What its selector says of workloads. */
    readonly matchWorkloads: string;
  }
>;

/** Denies writes to files whose path begins with `prefix`. */
export function denying(name: string, prefix: string, options: PolicyOptions = {}): NodePolicy {
  const {
    namespace = "",
    selectors = "",
    message = "",
    call = "security_file_permission",
    matchWorkloads = "{}",
  } = options;
  const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy${namespace === "" ? "" : "Namespaced"}
metadata: { name: ${name}${namespace === "" ? "" : `, namespace: ${namespace}`} }
spec:
  ${selectors}
  kprobes:
  - call: ${call}
    syscall: false
    message: ${message || name}
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Prefix, values: ["${prefix}"] }
      - { index: 1, operator: Equal, values: ["2"] }
      matchWorkloads: ${matchWorkloads}
      matchActions: [{ action: Override, argError: -1 }]
`;
  const { value, problems } = checkPolicy(text, { file: "test.yaml" });
  assert.ok(
    value?.[0],
    problems?.map((problem) => `${problem.line}: ${problem.message}`).join("\n"),
  );
  const { uid = `uid-${name}`, generation = 1, mode = "" } = options;
  return { uid, generation, name, namespace, mode, compiled: value[0].compiled };
}

export function pod(name: string, policies: readonly string[], labels = {}): NodePod {
  return { uid: uidOf(name), namespace: "default", name, labels, policies };
}

export function codes(exceptions: readonly PolicyShortfall[]): string[] {
  return exceptions.map(({ uid, state, code }) => `${uid} ${state} ${code}`);
}

/** Until it holds, for at most so long; gives the milliseconds it took. */
export async function until(holds: () => Promise<boolean> | boolean, atMostMs = 30_000) {
  const start = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - start < atMostMs, "it does not come true");
    await sleep(5);
  }
  return performance.now() - start;
}

/** A version as text can carry it: policies that deny writes, by name, and who has which. */
export type PlainVersion = {
  readonly policies: readonly {
    readonly name: string;
    readonly prefix: string;
    readonly generation?: number;
    readonly uid?: string;
  }[];
  readonly pods: Readonly<Record<string, readonly string[]>>;
  /** selector: all pods have all policies, whose selectors choose among them. */
  readonly chosenBy?: "policy" | "selector";
};

export function versionOf({ policies, pods, chosenBy }: PlainVersion): NodeVersion {
  if (chosenBy === "selector") return versionWithSelectors({ policies, pods });
  const selectors = 'podSelector: { matchLabels: { app: "a" } }';
  return {
    policies: policies.map(({ name, prefix, uid = `uid-${name}`, generation = 1 }) =>
      denying(name, prefix, {
        ...{ uid, generation, selectors },
        message: `${name} ${generation}`,
      }),
    ),
    pods: Object.entries(pods).map(([name, uids]) => pod(name, uids)),
  };
}

/** Pods are chosen by labels. What a selector says of workloads is new in each generation. */
function versionWithSelectors({ policies, pods }: PlainVersion): NodeVersion {
  const label = (uid: string) => `has-${uid}`;
  return {
    policies: policies.map(({ name, prefix, uid = `uid-${name}`, generation = 1 }) => {
      const others = `{ key: none, operator: NotIn, values: [v${generation}] }`;
      const podSelector = `{ matchLabels: { ${label(uid)}: "" }, matchExpressions: [${others}] }`;
      return denying(name, prefix, {
        ...{ uid, generation, message: `${name} ${generation}` },
        matchWorkloads: `{ podSelector: ${podSelector} }`,
      });
    }),
    pods: Object.entries(pods).map(([name, uids]) =>
      pod(name, [], Object.fromEntries(uids.map((uid) => [label(uid), ""]))),
    ),
  };
}
