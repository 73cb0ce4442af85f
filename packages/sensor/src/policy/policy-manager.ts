// SPDX-License-Identifier: Apache-2.0
import type { Logger, Problem, Result } from "@gander/base";
import {
  type CheckedPolicy,
  type CompiledPolicy,
  type EventBudget,
  exceptionWarnings,
  type Fuse,
} from "@gander/policy";
import type { LeftTables } from "../kernel/pins/left-tables.ts";
import type { PolicyKernel } from "../kernel/policy-kernel.ts";
import type { RuleInfo } from "../link/rule-info.ts";
import {
  changeProblem,
  notBlown,
  notFound,
  notHere,
  placedText,
  stillRunning,
  tooMuchLeft,
  unknownPolicy,
} from "./change-problems.ts";
import { describeFailed, describePolicy } from "./describe-policy.ts";
import { watchExceptions } from "./exception-ends.ts";
import { watchFiles } from "./file-watch.ts";
import type { FuseFile } from "./fuses/fuse-file.ts";
import type { FuseChange } from "./fuses/fuses.ts";
import { allRules, type InstalledPolicy, keyText } from "./installed-policy.ts";
import { createInstaller, type Installer, type NewPolicy } from "./installer.ts";
import { type Installed, KernelTables, type RemarksOn } from "./kernel-tables.ts";
import { createLeftPolicies, type LeftPolicies, releaseLeft } from "./left-policies.ts";
import type { FoundManifests, Manifest, ManifestFile } from "./manifest/manifest.ts";
import { createManifestKeeper, NotKeptError } from "./manifest/manifest-keeper.ts";
import { isSettled, restorable, usesOf } from "./manifest/restorable.ts";
import { policyProblem, problemsText } from "./policy-problem.ts";
import type { PolicyKey, PolicyOrigin, PolicyState } from "./policy-state.ts";
import { checkStandaloneScope } from "./standalone-scope.ts";

/** Only `exclusively` changes policies of the operator. */
type LocalOrigin = Exclude<PolicyOrigin, "operator">;

/** The means to put policies in force. */
export type PolicyWork = {
  readonly tables: KernelTables;
  readonly installer: Installer;
  /** Shows the problems in the policy's state; a version in force stays. No problems: clears them. */
  report(policy: NewPolicy, problems: readonly Problem[]): void;
  /** The policy is no longer wanted. */
  forget(key: PolicyKey): void;
};

export interface PolicyManager extends AsyncDisposable {
  /**
   * Puts a policy in force, or replaces the one of the same name, namespace and origin: at every moment the
   * old or the new one holds. If it fails, the old one stays in force. Changes requested together take effect
   * at one moment.
   */
  add(policy: CheckedPolicy, origin: LocalOrigin): Promise<Result<PolicyState>>;
  /** Shows a policy that can't be in force; its version in force stays. */
  refuse(policy: CheckedPolicy, origin: LocalOrigin, problems: readonly Problem[]): void;
  remove(key: PolicyKey): Promise<Result<void>>;
  setEnabled(key: PolicyKey, to: "enabled" | "disabled"): Promise<Result<PolicyState>>;
  /** Not for policies that never enforce. */
  setMode(key: PolicyKey, to: "enforce" | "monitor"): Promise<Result<PolicyState>>;
  /** The policy enforces again. */
  rearm(key: PolicyKey): Promise<Result<PolicyState>>;
  /** Called when a fuse has blown or was armed again. It must neither throw nor wait. */
  onFuse(listener: (change: FuseChange) => void): Disposable;
  /** All known policies, including failed ones; ordered by origin, namespace and name. */
  list(): readonly PolicyState[];
  /** Shows a policy's new version as unreadable; the old one stays in force. No problems: it is readable. */
  reportBroken(key: PolicyKey, problems: readonly Problem[]): void;
  /**
   * Runs `job` alone, when the tables may be changed; for changes of many policies at once.
   * @throws Error if the sensor is stopping, and the job's own errors.
   */
  exclusively<T>(job: (work: PolicyWork) => T | Promise<T>): Promise<T>;
  /** Describes the rule of a record, for a while even after its policy is gone. */
  rule(id: number): RuleInfo | undefined;
  /** The sensor has added its initial policies: from now on its own tables are in force. */
  started(): Promise<void>;
  /**
   * Removes what earlier sensors have in force beside this one if this one has it all in force. Otherwise
   * that stays, is logged, and `list` shows it. Call it after `started`.
   */
  releaseLeft(how: { readonly operatorIsWhole: boolean }): Promise<void>;
  /** Names of policies of an earlier sensor that are in force only in that sensor's own programs. */
  readonly unrestored: readonly string[];
  /** Why a restart would not find the state in force; empty if it would. */
  readonly unkept: string;
  /** Stops changing anything; policies in force stay. */
  [Symbol.asyncDispose](): Promise<void>;
}

type PolicyManagerDeps = {
  readonly kernel: PolicyKernel;
  readonly manifest: ManifestFile;
  /** The tables that earlier sensors have in force beside this one. */
  readonly left: LeftTables;
  readonly logger: Logger;
  /** What else a user should know about a policy in force. */
  readonly remarksOn?: RemarksOn | undefined;
  /** Which fuses are blown; absent: that is lost with the programs. */
  readonly fuseFile?: FuseFile | undefined;
};

type PolicyManagerOptions = {
  /** Identifies the programs and table layout: of a manifest with another id, only the policies are used. */
  readonly kernelId: string;
  /** The content of `manifest` at the start; `noManifests` if the kernel has nothing of an earlier sensor. */
  readonly stored: FoundManifests;
  /** How long to wait before detaching a hook that no policy uses. */
  readonly detachUnusedAfterMs?: number;
  /** Of policies that have none of their own; absent: they post all their events. */
  readonly eventBudget?: EventBudget | undefined;
  /** Of policies that have none of their own; absent: they have none. */
  readonly fuse?: Fuse | undefined;
};

export function createPolicyManager(
  deps: PolicyManagerDeps,
  options: PolicyManagerOptions,
): PolicyManager {
  const { kernel, left, logger, remarksOn, fuseFile } = deps;
  const { stored } = options;
  if (stored.problems.length > 0)
    logger.error("The state on disk is damaged; enforcement continues", {
      problems: stored.problems,
      used: stored.manifests.length > 0 ? "the state before it" : "none",
    });
  const own = stored.manifests.find((manifest) => isUsable(manifest, kernel, options));
  const labels = new Map([...left.labels(), [options.kernelId, kernel.tablesLabel()]]);
  const isLost = left.unknown().length > 0;
  const others = restorable(stored.manifests, { own, labels, isLost });
  const keeper = createManifestKeeper(
    { file: deps.manifest, kernel, logger },
    {
      ...usesOf(stored.manifests, { own, others, labels }),
      isHeld: () => left.hasKnown() && !isSettled({ own, others, labels }),
    },
  );
  const tablesDeps = { kernel, manifest: keeper, logger, remarksOn, fuseFile };
  const tables = new KernelTables(tablesDeps, options, own);
  const nextPolicyId = () => tables.nextPolicyId();
  const leftPolicies = createLeftPolicies({ left, logger, nextPolicyId });
  const manager = new Manager(tables, { left, leftPolicies, logger });
  for (const manifest of others) manager.restore(manifest);
  return manager;
}

/** Its numbers refer to this kernel's tables, and all its hooks are attached. */
function isUsable(
  { kernelId, tables = "", policies }: Manifest,
  kernel: PolicyKernel,
  options: PolicyManagerOptions,
): boolean {
  const attached = kernel.attachedHooks();
  const hooks = policies.flatMap(allRules).map(({ hookId }) => hookId);
  const isThese = kernelId === options.kernelId && tables === kernel.tablesLabel().tables;
  return isThese && hooks.every((id) => attached.has(id));
}

type Change = {
  readonly name: string;
  /** No client would request it again after a restart. */
  readonly mustKeep: boolean;
  /** Known beforehand, so that one lookup serves a batch. */
  readonly compiled?: CompiledPolicy;
  /** The next policies, made from those of the previous change. */
  readonly apply: (installed: Installed) => Result<Installed>;
};

type Queued = Change & { readonly done: (outcome: Outcome) => void };
type Outcome = { readonly problems?: readonly Problem[] };
type Failure = {
  readonly error: string;
  /** Only if no version was ever in force. */
  readonly state?: PolicyState;
};

type ManagerDeps = {
  readonly left: LeftTables;
  readonly leftPolicies: LeftPolicies;
  readonly logger: Logger;
};

class Manager implements PolicyManager {
  readonly #tables: KernelTables;
  readonly #installer: Installer;
  readonly #left: LeftTables;
  readonly #leftPolicies: LeftPolicies;
  readonly #logger: Logger;
  /** Policies of an earlier sensor that this one couldn't put in force at the start. */
  readonly #unrestored: PolicyKey[] = [];
  readonly #fileWatch: Disposable;
  readonly #exceptionWatch: Disposable;
  readonly #failures = new Map<string, Failure>();
  readonly #queue: Queued[] = [];
  readonly #jobs: (() => Promise<void>)[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(tables: KernelTables, { left, leftPolicies, logger }: ManagerDeps) {
    this.#tables = tables;
    this.#installer = createInstaller(tables);
    this.#left = left;
    this.#leftPolicies = leftPolicies;
    this.#logger = logger;
    this.#fileWatch = watchFiles(tables, {
      exclusively: (job) => this.exclusively(job),
      installer: this.#installer,
      logger,
    });
    this.#exceptionWatch = watchExceptions(tables, {
      exclusively: (job) => this.exclusively(job),
      logger,
    });
  }

  async add(checked: CheckedPolicy, origin: LocalOrigin): Promise<Result<PolicyState>> {
    const policy = newPolicy(checked, origin);
    const { key } = policy;
    const outside = checkStandaloneScope(checked);
    const install = { ...this.#install(policy), mustKeep: origin === "grpc" };
    const { problems } = outside.length > 0 ? { problems: outside } : await this.#submit(install);
    this.#report(policy, problems ?? []);
    return problems === undefined ? this.#state(key) : { problems };
  }

  refuse(checked: CheckedPolicy, origin: LocalOrigin, problems: readonly Problem[]): void {
    this.#report(newPolicy(checked, origin), problems);
  }

  async remove(key: PolicyKey): Promise<Result<void>> {
    if (key.origin === "operator") return { problems: [notHere(key)] };
    if (this.#leftPolicies.has(key)) return await this.#leftPolicies.remove(key);
    const neverInForce = this.#failures.get(keyText(key))?.state !== undefined;
    this.#failures.delete(keyText(key));
    if (neverInForce) return { value: undefined };
    const change = this.#update(key, () => undefined);
    const mustKeep = key.origin === "grpc";
    const { problems } = await this.#submit({ ...change, mustKeep });
    return problems === undefined ? { value: undefined } : { problems };
  }

  async setEnabled(key: PolicyKey, to: "enabled" | "disabled"): Promise<Result<PolicyState>> {
    if (key.origin === "operator") return { problems: [notHere(key)] };
    if (this.#leftPolicies.has(key)) return { problems: [unknownPolicy(key)] };
    const { problems } = await this.#submit(
      this.#update(key, (policy) => ({ ...policy, enabled: to === "enabled" })),
    );
    return problems === undefined ? this.#state(key) : { problems };
  }

  async setMode(key: PolicyKey, to: "enforce" | "monitor"): Promise<Result<PolicyState>> {
    if (key.origin === "operator") return { problems: [notHere(key)] };
    if (this.#leftPolicies.has(key)) return { problems: [unknownPolicy(key)] };
    if (this.#tables.installed().get(keyText(key))?.mode === "monitor-only") {
      const message = `Cannot set the mode of policy "${key.name}": it has nothing to enforce`;
      return {
        problems: [
          policyProblem({
            code: "policy-rule",
            message,
            hint: "Add Sigkill, Signal or Override to a selector.",
          }),
        ],
      };
    }
    const { problems } = await this.#submit(
      this.#update(key, (policy) => ({ ...policy, mode: to })),
    );
    return problems === undefined ? this.#state(key) : { problems };
  }

  async rearm(key: PolicyKey): Promise<Result<PolicyState>> {
    const policy = [...this.#tables.installed().values()].find(
      (one) =>
        keyText(one.key) === keyText(key) ||
        (key.uid === undefined && key.origin === "operator" && isNamed(one.key, key)),
    );
    if (policy === undefined) return { problems: [notFound(key)] };
    if (!this.#tables.fuses.rearm(policy)) return { problems: [notBlown(policy)] };
    return this.#state(policy.key);
  }

  onFuse(listener: (change: FuseChange) => void): Disposable {
    return this.#tables.fuses.onChange(listener);
  }

  list(): readonly PolicyState[] {
    const states = new Map<string, PolicyState>();
    for (const [key, { state }] of this.#failures) if (state !== undefined) states.set(key, state);
    for (const [key, policy] of this.#tables.installed()) {
      states.set(key, describePolicy(policy, this.#failures.get(key)?.error ?? "", this.#tables));
    }
    return [...states.values(), ...this.#leftPolicies.list()].sort((a, b) =>
      orderOf(a) < orderOf(b) ? -1 : 1,
    );
  }

  reportBroken(key: PolicyKey, problems: readonly Problem[]): void {
    const current = this.#tables.installed().get(keyText(key));
    if (current === undefined) return;
    if (problems.length === 0) this.#failures.delete(keyText(key));
    else this.#failures.set(keyText(key), { error: stillRunning(current, placedText(problems)) });
  }

  rule(id: number): RuleInfo | undefined {
    return this.#tables.rules.get(id);
  }

  exclusively<T>(job: (work: PolicyWork) => T | Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error("The sensor is stopping"));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const work: PolicyWork = {
      tables: this.#tables,
      installer: this.#installer,
      report: (policy, problems) => this.#report(policy, problems),
      forget: (key) => void this.#failures.delete(keyText(key)),
    };
    this.#jobs.push(async () => {
      try {
        resolve(await job(work));
      } catch (error) {
        reject(error);
      }
    });
    this.#startWork();
    return promise;
  }

  async started(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
    if (!this.#tables.isBegun())
      await this.#submit({
        name: "",
        mustKeep: false,
        apply: (installed) => ({ value: installed }),
      });
    await this.#tables.ready();
  }

  get unrestored(): readonly string[] {
    // An administrator has removed the earlier programs.
    if (this.#leftPolicies.list().length === 0) return [];
    const installed = this.#tables.installed();
    return this.#unrestored.filter((key) => !installed.has(keyText(key))).map(({ name }) => name);
  }

  get unkept(): string {
    return this.#tables.unkept;
  }

  async releaseLeft({ operatorIsWhole }: { readonly operatorIsWhole: boolean }): Promise<void> {
    const isAllHere = this.#unrestored.length === 0 && operatorIsWhole;
    if (this.#left.hasKnown() && !isAllHere)
      this.#logger.error(
        "Not all that the earlier sensor enforces can be put in force: its programs stay beside those of this one",
        {
          policies: this.#unrestored.map(({ name }) => name),
          operatorIsWhole,
          hint: "gander policy list shows them",
        },
      );
    const deps = { tables: this.#tables, logger: this.#logger };
    await releaseLeft(this.#left, deps, isAllHere ? "remove" : "keep");
  }

  /** Puts policies of a sensor with other programs in force with these. */
  restore({ policies }: Manifest): void {
    for (const { key, compiled, warnings, mode, enabled } of policies) {
      // The operator knows which pods these apply to, and sends them again.
      if (key.origin === "operator") continue;
      if (this.#tables.installed().has(keyText(key))) continue;
      const install = this.#install({ key, compiled, warnings });
      const asBefore = this.#update(key, (policy) => ({ ...policy, mode, enabled }));
      const both: Change = {
        ...install,
        apply: (installed) => {
          const result = install.apply(installed);
          return result.problems === undefined ? asBefore.apply(result.value) : result;
        },
      };
      const report = (problem: unknown) => {
        this.#unrestored.push(key);
        this.#logger.error("A policy of the earlier sensor cannot be restored", {
          policy: key.name,
          problem,
        });
      };
      this.#submit(both).then(({ problems }) => problems && report(problemsText(problems)), report);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#fileWatch[Symbol.dispose]();
    this.#exceptionWatch[Symbol.dispose]();
    while (this.#working !== undefined) await this.#working;
    await this.#tables[Symbol.asyncDispose]();
  }

  #install(policy: NewPolicy): Change {
    const { key, compiled } = policy;
    return {
      name: key.name,
      mustKeep: false,
      compiled,
      apply: (installed) => this.#installer.install(policy, installed),
    };
  }

  #update(
    key: PolicyKey,
    change: (policy: InstalledPolicy) => InstalledPolicy | undefined,
  ): Change {
    const apply = (installed: Installed): Result<Installed> => {
      const policy = installed.get(keyText(key));
      if (policy === undefined) return { problems: [notFound(key)] };
      const next = new Map(installed);
      const changed = change(policy);
      if (changed === undefined) next.delete(keyText(key));
      else next.set(keyText(key), changed);
      return { value: next };
    };
    return { name: key.name, mustKeep: true, apply };
  }

  #submit(change: Change): Promise<Outcome> {
    if (this.#closed)
      return Promise.resolve({
        problems: [policyProblem({ code: "policy-not-loaded", message: "The sensor is stopping" })],
      });
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#queue.push({ ...change, done: resolve });
    this.#startWork();
    return promise;
  }

  #startWork(): void {
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    try {
      do {
        // Changes of this turn, and those added while old tables are still read, are made together.
        await this.#tables.ready();
        await this.#change(this.#queue.splice(0));
        for (const job of this.#jobs.splice(0)) {
          await this.#tables.ready();
          await job();
        }
      } while (this.#queue.length > 0 || this.#jobs.length > 0);
    } finally {
      // In the same turn as the last check: later changes start the work again.
      this.#working = undefined;
    }
  }

  async #change(batch: readonly Queued[]): Promise<void> {
    if (batch.length === 0) return;
    const policies = batch.flatMap(({ compiled }) => (compiled === undefined ? [] : [compiled]));
    await this.#tables.lookUp(policies.flatMap(({ hooks }) => hooks));
    await this.#installer.prepare(policies);
    const together = this.#advance(batch);
    for (const [i, change] of batch.entries()) {
      if (together === undefined) {
        await this.#tables.ready();
        await this.#tables.lookUp(change.compiled?.hooks ?? []);
      }
      const outcome = together?.[i] ?? this.#advance([change])?.[0];
      change.done(outcome ?? {});
    }
  }

  /** @returns undefined if the changes don't fit together: each may fit alone. */
  #advance(batch: readonly Change[]): Outcome[] | undefined {
    let next = this.#tables.installed();
    try {
      const outcomes = batch.map(({ apply }): Outcome => {
        const { value, problems } = apply(next);
        if (value === undefined) return { problems };
        next = value;
        return {};
      });
      const mustKeep = batch.some((change) => change.mustKeep);
      if (mustKeep && this.#leftPolicies.isFull) throw new NotKeptError(tooMuchLeft);
      this.#tables.advance(next, { mustKeep });
      return outcomes;
    } catch (error) {
      if (batch.length > 1) return undefined;
      const name = batch[0]?.name ?? "";
      this.#logger.error("Policies cannot be changed; those in force stay in force", {
        policy: name,
        error,
      });
      return [{ problems: [changeProblem(name, error)] }];
    }
  }

  #report(policy: NewPolicy, problems: readonly Problem[]): void {
    const key = keyText(policy.key);
    if (problems.length === 0) {
      this.#failures.delete(key);
      return;
    }
    const text = problemsText(problems);
    const current = this.#tables.installed().get(key);
    if (current !== undefined) {
      this.#failures.set(key, { error: stillRunning(current, text) });
      return;
    }
    const id = this.#failures.get(key)?.state?.id ?? this.#tables.nextPolicyId();
    this.#failures.set(key, { error: text, state: describeFailed(policy, id, text) });
  }

  #state(key: PolicyKey): Result<PolicyState> {
    const policy = this.#tables.installed().get(keyText(key));
    if (policy === undefined) return { problems: [notFound(key)] };
    return {
      value: describePolicy(policy, this.#failures.get(keyText(key))?.error ?? "", this.#tables),
    };
  }
}

function newPolicy(checked: CheckedPolicy, origin: LocalOrigin): NewPolicy {
  const { compiled, warnings } = checked;
  const { name, namespace } = compiled;
  const messages = (of: readonly Problem[]) => of.map(({ message }) => message);
  return {
    key: { name, namespace, origin },
    ...{ compiled, warnings: messages(warnings), remarks: messages(exceptionWarnings(checked)) },
  };
}

const isNamed = (one: PolicyKey, { origin, namespace, name }: PolicyKey) =>
  one.origin === origin && one.namespace === namespace && one.name === name;

function orderOf({ origin, namespace, name, uid = "" }: PolicyKey): string {
  return [origin, namespace, name, uid].join("/");
}
