// SPDX-License-Identifier: Apache-2.0
import type { Logger, Problem } from "@gander/base";
import type { CompiledPolicy } from "@gander/policy";
import type { CgroupGroups } from "../../kernel/tables/cgroup-groups.ts";
import type { PodCgroup, PodCgroups } from "../../workload/pod-cgroups.ts";
import { addPolicyCounts } from "../counts/counters.ts";
import { exceptionCounts } from "../counts/exception-counts.ts";
import { countsOf } from "../counts/policy-counts.ts";
import { fileRemarks } from "../file-remarks.ts";
import { blownText } from "../fuses/fuse-report.ts";
import { keyText } from "../installed-policy.ts";
import type { NewPolicy } from "../installer.ts";
import type { Installed, KernelTables } from "../kernel-tables.ts";
import type { PolicyManager, PolicyWork } from "../policy-manager.ts";
import { policyProblem } from "../policy-problem.ts";
import type { PolicyKey } from "../policy-state.ts";
import type { EarlyPods } from "./early-pods.ts";
import { GroupKeeper } from "./group-keeper.ts";
import { createKnownProblems, type KnownProblems } from "./known-problems.ts";
import { type Assignment, assignPolicies } from "./node-assignment.ts";
import { nodeCounts } from "./node-counts.ts";
import { exceptionOf, isUnsupported } from "./node-exceptions.ts";
import type {
  NodeCounts,
  NodePolicy,
  NodePolicyCounts,
  NodeVersion,
  PolicyShortfall,
} from "./node-version.ts";

export type {
  NodeCounts,
  NodePod,
  NodePolicy,
  NodePolicyCounts,
  NodeVersion,
  PolicyShortfall,
} from "./node-version.ts";

export interface NodePolicies {
  /**
   * Puts the whole version in force at one moment. A policy that can't be put in force holds back no other:
   * its version in force stays. At no moment does neither version hold. Returns the exceptions. Call it one
   * at a time.
   */
  apply(version: NodeVersion): Promise<readonly PolicyShortfall[]>;
  /** Of the policy's version in force; 0: none. */
  generationInForce(uid: string): number;
  counts(): NodeCounts;
  /** Policies of the operator that only monitor here, because their fuse is blown. */
  blown(): readonly PolicyShortfall[];
}

type NodePoliciesDeps = {
  readonly policies: Pick<PolicyManager, "exclusively">;
  readonly cgroups: PodCgroups;
  /** Where the kernel looks up a cgroup's group of policies. */
  readonly groups: CgroupGroups;
  readonly logger: Logger;
  /** Told which pods have their policies. Called once, when the existing cgroups are known. */
  readonly earlyPods?: (existing: readonly PodCgroup[]) => EarlyPods;
};

type NodePoliciesOptions = {
  /** How often to scan for cgroups whose creation or removal was missed. */
  readonly scanMs?: number;
};

/**
 * Finds the existing cgroups and adopts what an earlier sensor has left. All of that stays in force until
 * `apply`; a new cgroup in a pod gets the policies of the pod.
 */
export async function createNodePolicies(
  deps: NodePoliciesDeps,
  options: NodePoliciesOptions = {},
): Promise<NodePolicies & Disposable> {
  const { policies, cgroups, groups } = deps;
  cgroups.scan();
  const early = deps.earlyPods?.([...cgroups.inPods()]);
  return policies.exclusively(({ tables }) => {
    const keeper = new GroupKeeper({ tables, cgroups, groups });
    return new Node({ ...deps, early }, tables, keeper, options.scanMs ?? 10_000);
  });
}

/** The result of trying to put a version in force. */
type Outcome = {
  readonly installed: Installed;
  /** By UID: why the wanted version isn't in force. */
  readonly failures: ReadonlyMap<string, readonly Problem[]>;
  /** Cgroups for which no group was left. */
  readonly refused: ReadonlySet<bigint>;
};

type NodeDeps = Omit<NodePoliciesDeps, "earlyPods"> & { readonly early: EarlyPods | undefined };

class Node implements NodePolicies, Disposable {
  readonly #deps: NodeDeps;
  readonly #tables: KernelTables;
  readonly #keeper: GroupKeeper;
  readonly #timer: NodeJS.Timeout;
  readonly #unsupported = createKnownProblems();
  readonly #told = new Map<string, NodePolicyCounts>();
  #version: NodeVersion | undefined;
  /** UIDs of the pods whose policies are in force. */
  #ready: ReadonlySet<string> = new Set();
  #assignment: Assignment | undefined;
  #isArranging = false;

  constructor(deps: NodeDeps, tables: KernelTables, keeper: GroupKeeper, scanMs: number) {
    this.#deps = deps;
    this.#tables = tables;
    this.#keeper = keeper;
    deps.cgroups.onChanged((cgroup) => {
      const isPlaced = keeper.place(cgroup);
      if (!isPlaced) this.#arrangeSoon();
      const isReady = isPlaced && this.#ready.has(cgroup.pod);
      if (deps.early?.place(cgroup, isReady ? "ready" : "early")) deps.early.letGo();
    });
    deps.cgroups.onRemoved((id) => {
      keeper.remove(id);
      deps.early?.remove(id);
    });
    this.#timer = setInterval(() => this.#lookAround(), scanMs).unref();
  }

  apply(version: NodeVersion): Promise<readonly PolicyShortfall[]> {
    return this.#deps.policies.exclusively(async (work) => {
      this.#deps.cgroups.scan();
      this.#deps.cgroups.tell(version.pods);
      await this.#keeper.ready();
      const wanted = version.policies.flatMap(({ compiled }) => compiled.hooks);
      await this.#tables.lookUp(wanted);
      await work.installer.prepare(this.#fresh(version));
      const before = [...this.#tables.installed().values()].map(({ key }) => key);
      for (const { uid } of this.#version?.policies ?? []) before.push(keyOf({ uid }));
      const outcome = this.#bring(version, work);
      this.#version = version;
      this.#report(version, outcome, before, work);
      if (isWithoutPods(outcome.installed)) await this.#keeper.release();
      this.#ready = new Set(version.pods.map(({ uid }) => uid));
      this.#placeEarly();
      return this.#exceptions(version, outcome);
    });
  }

  generationInForce(uid: string): number {
    return this.#tables.installed().get(operatorKey(uid))?.revision ?? 0;
  }

  counts(): NodeCounts {
    const tables = this.#tables;
    const policies = [...tables.installed().values()].flatMap((policy) => {
      const { origin, uid = "" } = policy.key;
      if (origin !== "operator") return [];
      const now = addPolicyCounts(tables.past.of(uid), countsOf(policy, tables));
      const exceptions = exceptionCounts(policy, tables);
      const own = nodeCounts(uid, now, this.#told.get(uid));
      const counts = exceptions.length === 0 ? own : { ...own, exceptions };
      this.#told.set(uid, counts);
      return [counts];
    });
    return { since: tables.past.since, policies };
  }

  blown(): readonly PolicyShortfall[] {
    return [...this.#tables.installed().values()].flatMap((policy) => {
      const message = blownText(this.#tables.fuses.report(policy));
      const { uid = "", origin } = policy.key;
      if (origin !== "operator" || message === "") return [];
      const runningGeneration = policy.revision;
      return [{ uid, state: "degraded", code: "fuse-blown", message, runningGeneration }];
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#deps.cgroups.onChanged(() => {});
    this.#deps.cgroups.onRemoved(() => {});
    this.#deps.early?.[Symbol.dispose]();
  }

  /** Those that are not in force, nor known to be impossible here. */
  #fresh({ policies }: NodeVersion): CompiledPolicy[] {
    const installed = this.#tables.installed();
    return policies.flatMap((policy) => {
      const isThere =
        installed.get(operatorKey(policy.uid))?.compiled.digest === policy.compiled.digest;
      return isThere || this.#unsupported.of(policy) !== undefined ? [] : [policy.compiled];
    });
  }

  /** All at once if they fit together; otherwise those that fit, added one after the other. */
  #bring(version: NodeVersion, work: PolicyWork): Outcome {
    const now = this.#tables.installed();
    const kept = new Map(
      [...now].filter(([, { key }]) => key.origin !== "operator" || isWanted(key, version)),
    );
    const { installed, failures } = installAll(version, kept, work, this.#unsupported);
    const attempts = [
      () => installed,
      () => this.#fitting(version, kept, installed, failures),
      () => {
        for (const { uid, name } of changed(version, kept, installed))
          failures.set(uid, failures.get(uid) ?? [notLoaded(name, "its tables cannot be written")]);
        return kept;
      },
    ];
    for (const attempt of attempts) {
      const next = attempt();
      try {
        return { installed: next, failures, refused: this.#arrange(version, next) };
      } catch (error) {
        this.#deps.logger.warn("Policies cannot be put in force together", { error });
      }
    }
    return { installed: now, failures, refused: new Set() };
  }

  /** @throws LinkLimitError, BpfError; then nothing has changed. */
  #arrange(version: NodeVersion, installed: Installed): ReadonlySet<bigint> {
    const same = isSame(installed, this.#tables.installed());
    const next = same ? this.#tables.installed() : installed;
    const assignment = assignPolicies(version, [...next.values()]);
    const successors = successorsOf(this.#tables.installed(), next);
    const refused = this.#keeper.arrange({ installed: next, assignment, successors });
    this.#assignment = assignment;
    return refused;
  }

  /** Adds to `failures` the policies that don't fit. */
  #fitting(
    version: NodeVersion,
    kept: Installed,
    installed: Installed,
    failures: Map<string, readonly Problem[]>,
  ): Installed {
    let fitting = kept;
    for (const { uid, name } of changed(version, kept, installed)) {
      const policy = installed.get(operatorKey(uid));
      if (policy === undefined) continue;
      const next = new Map(fitting).set(operatorKey(uid), policy);
      try {
        const assignment = assignPolicies(version, [...next.values()]);
        this.#keeper.check({ installed: next, assignment, successors: new Map() });
        fitting = next;
      } catch (error) {
        failures.set(uid, [
          notLoaded(name, error instanceof Error ? error.message : String(error)),
        ]);
      }
    }
    return fitting;
  }

  /** Reports the states that lists show, beside the exceptions. */
  #report(
    version: NodeVersion,
    { failures }: Outcome,
    before: readonly PolicyKey[],
    work: PolicyWork,
  ): void {
    for (const key of before) if (key.origin === "operator") work.forget(key);
    for (const policy of version.policies)
      work.report(newPolicy(policy), failures.get(policy.uid) ?? []);
    const uids = new Set([
      ...version.policies.map(({ uid }) => uid),
      ...(version.unreadable ?? []),
    ]);
    for (const uid of this.#told.keys()) if (!uids.has(uid)) this.#told.delete(uid);
  }

  /** By UID: in how many cgroups the policy is not in force as written. */
  #missing(refused: ReadonlySet<bigint>): ReadonlyMap<string, number> {
    const missing = new Map<string, number>();
    if (refused.size === 0) return missing;
    const has = new Map(this.#deps.groups.entries());
    const groups = this.#tables.groups();
    for (const cgroup of this.#deps.cgroups.inPods()) {
      if (!refused.has(cgroup.id)) continue;
      const content = groups.get(has.get(cgroup.id) ?? 0) ?? [];
      for (const uid of this.#assignment?.lackedBy(cgroup, content) ?? [])
        missing.set(uid, (missing.get(uid) ?? 0) + 1);
    }
    return missing;
  }

  #exceptions({ policies }: NodeVersion, { installed, failures, refused }: Outcome) {
    const missing = this.#missing(refused);
    return policies.flatMap((policy) => {
      const { uid } = policy;
      const running = installed.get(operatorKey(uid));
      const lacking = missing.get(uid) ?? 0;
      const { weaknesses } = fileRemarks(running ?? { hooks: [] }, this.#tables);
      const problems = failures.get(uid);
      return exceptionOf(policy, { running, problems, weaknesses, lacking }) ?? [];
    });
  }

  /** A cgroup needs a combination of policies that no group has yet. */
  #arrangeSoon(): void {
    if (this.#isArranging) return;
    this.#isArranging = true;
    const arranged = this.#deps.policies.exclusively(async () => {
      await this.#keeper.ready();
      this.#isArranging = false;
      if (this.#version === undefined || isWithoutPods(this.#tables.installed())) return;
      const refused = this.#arrange(this.#version, this.#tables.installed());
      if (refused.size > 0)
        this.#deps.logger.warn("Cgroups keep the policies of their pod: no group is left", {
          cgroups: refused.size,
        });
      this.#placeEarly();
    });
    arranged.catch((error: unknown) => {
      this.#isArranging = false;
      this.#deps.logger.error(
        "Cgroups cannot be given their policies; they keep those of their pod",
        {
          error,
        },
      );
    });
  }

  /** Every cgroup has its policies: what was held until then may go on. */
  #placeEarly(): void {
    const { early, cgroups } = this.#deps;
    if (early === undefined) return;
    for (const cgroup of cgroups.inPods())
      early.place(cgroup, this.#ready.has(cgroup.pod) ? "ready" : "early");
    early.letGo();
  }

  #lookAround(): void {
    const hasGroups = this.#assignment !== undefined && !isWithoutPods(this.#tables.installed());
    if (!hasGroups && this.#deps.early === undefined) return;
    this.#deps.cgroups.scan();
    if (hasGroups) this.#keeper.tidy();
  }
}

const keyOf = ({ uid, name = "", namespace = "" }: { uid: string } & Partial<PolicyKey>) =>
  ({ name, namespace, origin: "operator", uid }) as const;

const operatorKey = (uid: string) => keyText(keyOf({ uid }));

function newPolicy({ uid, name, namespace, generation, mode, compiled }: NodePolicy): NewPolicy {
  return {
    key: keyOf({ uid, name, namespace }),
    compiled,
    warnings: [],
    revision: generation,
    ...(mode === "" ? {} : { mode }),
  };
}

/** A policy that is deleted and created again must not leave a moment without it. */
function successorsOf(before: Installed, next: Installed): Map<string, string> {
  const operators = [...next.values()].map(({ key }) => key).filter(isOperators);
  const byName = new Map(operators.map((key) => [`${key.namespace}/${key.name}`, key.uid]));
  const gone = [...before].filter(([key]) => !next.has(key)).map(([, { key }]) => key);
  return new Map(
    gone.filter(isOperators).flatMap(({ namespace, name, uid }) => {
      const successor = byName.get(`${namespace}/${name}`);
      return successor === undefined ? [] : [[uid, successor] as const];
    }),
  );
}

function isOperators(key: PolicyKey): key is PolicyKey & { readonly uid: string } {
  return key.origin === "operator" && key.uid !== undefined;
}

function isWanted({ uid = "" }: PolicyKey, { policies, unreadable = [] }: NodeVersion): boolean {
  return policies.some((policy) => policy.uid === uid) || unreadable.includes(uid);
}

/** No policy distinguishes cgroups: all are the sensor's own. */
function isWithoutPods(installed: Installed): boolean {
  return [...installed.values()].every(({ key }) => key.origin !== "operator");
}

function isSame(a: Installed, b: Installed): boolean {
  return a.size === b.size && [...a].every(([key, policy]) => b.get(key) === policy);
}

/** Policies whose wanted version could be attached and isn't in `kept`. */
function changed({ policies }: NodeVersion, kept: Installed, installed: Installed) {
  return policies.filter(({ uid }) => {
    const key = operatorKey(uid);
    return installed.get(key) !== kept.get(key);
  });
}

/** Attaches hooks for the policies; those that can't be attached stay as they are. */
function installAll(
  version: NodeVersion,
  kept: Installed,
  { installer }: PolicyWork,
  unsupported: KnownProblems,
) {
  const failures = new Map<string, readonly Problem[]>();
  let installed = kept;
  for (const policy of version.policies) {
    const known = unsupported.of(policy);
    if (known !== undefined) {
      failures.set(policy.uid, known);
      continue;
    }
    try {
      const { value, problems } = installer.install(newPolicy(policy), installed);
      if (value !== undefined) {
        installed = value;
        continue;
      }
      failures.set(policy.uid, problems);
      if (isUnsupported(problems)) unsupported.add(policy, problems);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.set(policy.uid, [notLoaded(policy.name, reason)]);
    }
  }
  return { installed, failures };
}

function notLoaded(name: string, reason: string): Problem {
  return policyProblem({
    code: "policy-not-loaded",
    message: `Cannot load policy "${name}": ${reason}`,
  });
}
