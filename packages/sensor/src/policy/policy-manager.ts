// SPDX-License-Identifier: Apache-2.0
import type { Logger, Problem, Result } from "@gander/base";
import type { CheckedPolicy, CompiledPolicy } from "@gander/policy";
import { describeFailed, describePolicy } from "./describe-policy.ts";
import { createGenerations, type Generations, type Installed } from "./generations.ts";
import { allRules, type InstalledPolicy, keyText } from "./installed-policy.ts";
import { createInstaller, type Installer, type NewPolicy } from "./installer.ts";
import type { Manifest, ManifestFile } from "./manifest.ts";
import type { PolicyKernel } from "./policy-kernel.ts";
import { policyProblem, problemsText } from "./policy-problem.ts";
import type { PolicyKey, PolicyOrigin, PolicyState } from "./policy-state.ts";
import type { RuleInfo } from "./rule-info.ts";
import { checkStandaloneScope } from "./standalone-scope.ts";

/** Policies of the operator are changed by `exclusively` alone. */
type LocalOrigin = Exclude<PolicyOrigin, "operator">;

/** What a policy is brought in force with. */
export type PolicyWork = {
  readonly generations: Generations;
  readonly installer: Installer;
  /** The policy's state tells of it; a version that is in force goes on. No problems: all is well. */
  report(policy: NewPolicy, problems: readonly Problem[]): void;
  /** Nobody wants it any more. */
  forget(key: PolicyKey): void;
};

export interface PolicyManager extends AsyncDisposable {
  /**
   * Puts a policy in force, or replaces the one of the same name, namespace and origin: at every
   * moment the old or the new one holds. If it fails the old one goes on. Changes that are asked
   * for in one go take effect at one moment.
   */
  add(policy: CheckedPolicy, origin: LocalOrigin): Promise<Result<PolicyState>>;
  remove(key: PolicyKey): Promise<Result<void>>;
  setEnabled(key: PolicyKey, to: "enabled" | "disabled"): Promise<Result<PolicyState>>;
  /** Not for policies that never enforce. */
  setMode(key: PolicyKey, to: "enforce" | "monitor"): Promise<Result<PolicyState>>;
  /** Everything that is known, also what failed; in the order of origin, namespace and name. */
  list(): readonly PolicyState[];
  /** A new version of the policy cannot even be read: its state says so, and it goes on. No problems: it can. */
  reportBroken(key: PolicyKey, problems: readonly Problem[]): void;
  /**
   * Runs `job` alone, when the tables may be changed; for who changes many policies at once.
   * @throws Error if the sensor is stopping, and what the job throws.
   */
  exclusively<T>(job: (work: PolicyWork) => T | Promise<T>): Promise<T>;
  /** What a rule in a record is; also for a while after its policy is gone. */
  rule(id: number): RuleInfo | undefined;
  /**
   * The sensor has brought the policies that it starts with. Rules of an earlier sensor whose
   * manifest was lost are taken out of force now, if nothing did before.
   */
  started(): Promise<void>;
  /** Stops changing anything; what is in force stays. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type PolicyManagerDeps = {
  readonly kernel: PolicyKernel;
  readonly manifest: ManifestFile;
  readonly logger: Logger;
};

export type PolicyManagerOptions = {
  /** Names the programs and the layout of the tables: of another one's manifest only the policies count. */
  readonly kernelId: string;
  /** The kernel has nothing of an earlier sensor: a manifest that is there is of no use. */
  readonly fresh: boolean;
  /** A hook that no policy uses is detached after so long. */
  readonly detachUnusedAfterMs?: number;
};

export function createPolicyManager(
  deps: PolicyManagerDeps,
  options: PolicyManagerOptions,
): PolicyManager {
  const found = options.fresh ? undefined : deps.manifest.load();
  if (found === "corrupt")
    deps.logger.warn("The manifest cannot be read: enforcement goes on, counters start anew");
  const manifest = found === "corrupt" ? undefined : found;
  const own =
    manifest !== undefined && isUsable(manifest, deps.kernel, options) ? manifest : undefined;
  const generations = createGenerations(deps, options, own);
  const manager = new Manager(generations, createInstaller(generations), deps.logger);
  if (manifest !== undefined && own === undefined) manager.restore(manifest);
  return manager;
}

/** Its numbers are those of this kernel's tables, and everything it speaks of is attached. */
function isUsable(
  { kernelId, policies }: Manifest,
  kernel: PolicyKernel,
  options: PolicyManagerOptions,
): boolean {
  const attached = kernel.attachedHooks();
  const hooks = policies.flatMap(allRules).map(({ hookId }) => hookId);
  return kernelId === options.kernelId && hooks.every((id) => attached.has(id));
}

type Change = {
  readonly name: string;
  /** Known beforehand, so that a batch is looked up in one go. */
  readonly compiled?: CompiledPolicy;
  /** The next policies, from those of the change before. */
  readonly apply: (installed: Installed) => Result<Installed>;
};

type Queued = Change & { readonly done: (outcome: Outcome) => void };
type Outcome = { readonly problems?: readonly Problem[] };
type Failure = {
  readonly error: string /** If no version ever was in force. */;
  readonly state?: PolicyState;
};

class Manager implements PolicyManager {
  readonly #generations: Generations;
  readonly #installer: Installer;
  readonly #logger: Logger;
  readonly #failures = new Map<string, Failure>();
  readonly #queue: Queued[] = [];
  readonly #jobs: (() => Promise<void>)[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(generations: Generations, installer: Installer, logger: Logger) {
    this.#generations = generations;
    this.#installer = installer;
    this.#logger = logger;
  }

  async add(checked: CheckedPolicy, origin: LocalOrigin): Promise<Result<PolicyState>> {
    const { name, namespace } = checked.compiled;
    const key = { name, namespace, origin };
    const policy = {
      key,
      compiled: checked.compiled,
      warnings: checked.warnings.map(({ message }) => message),
    };
    const outside = checkStandaloneScope(checked);
    const { problems } =
      outside.length > 0 ? { problems: outside } : await this.#submit(this.#install(policy));
    this.#report(policy, problems ?? []);
    return problems === undefined ? this.#state(key) : { problems };
  }

  async remove(key: PolicyKey): Promise<Result<void>> {
    if (key.origin === "operator") return { problems: [notHere(key)] };
    const neverInForce = this.#failures.get(keyText(key))?.state !== undefined;
    this.#failures.delete(keyText(key));
    if (neverInForce) return { value: undefined };
    const { problems } = await this.#submit(this.#update(key, () => undefined));
    return problems === undefined ? { value: undefined } : { problems };
  }

  async setEnabled(key: PolicyKey, to: "enabled" | "disabled"): Promise<Result<PolicyState>> {
    if (key.origin === "operator") return { problems: [notHere(key)] };
    const { problems } = await this.#submit(
      this.#update(key, (policy) => ({ ...policy, enabled: to === "enabled" })),
    );
    return problems === undefined ? this.#state(key) : { problems };
  }

  async setMode(key: PolicyKey, to: "enforce" | "monitor"): Promise<Result<PolicyState>> {
    if (key.origin === "operator") return { problems: [notHere(key)] };
    if (this.#generations.installed().get(keyText(key))?.mode === "monitor-only") {
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

  list(): readonly PolicyState[] {
    const states = new Map<string, PolicyState>();
    for (const [key, { state }] of this.#failures) if (state !== undefined) states.set(key, state);
    for (const [key, policy] of this.#generations.installed()) {
      states.set(
        key,
        describePolicy(policy, this.#failures.get(key)?.error ?? "", this.#generations),
      );
    }
    return [...states.values()].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  }

  reportBroken(key: PolicyKey, problems: readonly Problem[]): void {
    const current = this.#generations.installed().get(keyText(key));
    if (current === undefined) return;
    if (problems.length === 0) this.#failures.delete(keyText(key));
    else this.#failures.set(keyText(key), { error: stillRunning(current, placedText(problems)) });
  }

  rule(id: number): RuleInfo | undefined {
    return this.#generations.rules.get(id);
  }

  exclusively<T>(job: (work: PolicyWork) => T | Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new Error("The sensor is stopping"));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const work: PolicyWork = {
      generations: this.#generations,
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
    if (!this.#generations.isBegun())
      await this.#submit({ name: "", apply: (installed) => ({ value: installed }) });
    await this.#generations.ready();
  }

  /** Policies of a sensor with other programs are put in force with these. */
  restore({ policies }: Manifest): void {
    for (const { key, compiled, warnings, mode, enabled } of policies) {
      // Who brings those knows which pods they are for, and brings them again.
      if (key.origin === "operator") continue;
      const install = this.#install({ key, compiled, warnings });
      const asBefore = this.#update(key, (policy) => ({ ...policy, mode, enabled }));
      const both: Change = {
        ...install,
        apply: (installed) => {
          const result = install.apply(installed);
          return result.problems === undefined ? asBefore.apply(result.value) : result;
        },
      };
      const report = (problem: unknown) =>
        this.#logger.error("A policy of the earlier sensor cannot be restored", {
          policy: key.name,
          problem,
        });
      this.#submit(both).then(({ problems }) => problems && report(problemsText(problems)), report);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    while (this.#working !== undefined) await this.#working;
    await this.#generations[Symbol.asyncDispose]();
  }

  #install(policy: NewPolicy): Change {
    const { key, compiled } = policy;
    return {
      name: key.name,
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
    return { name: key.name, apply };
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
        // Changes of this turn, and all that come while old tables are still read, go together.
        await this.#generations.ready();
        await this.#change(this.#queue.splice(0));
        for (const job of this.#jobs.splice(0)) {
          await this.#generations.ready();
          await job();
        }
      } while (this.#queue.length > 0 || this.#jobs.length > 0);
    } finally {
      // In the same turn as the last look: what comes from now on starts anew.
      this.#working = undefined;
    }
  }

  async #change(batch: readonly Queued[]): Promise<void> {
    if (batch.length === 0) return;
    const together = this.#advance(batch);
    for (const [i, change] of batch.entries()) {
      if (together === undefined) await this.#generations.ready();
      const outcome = together?.[i] ?? this.#advance([change])?.[0];
      change.done(outcome ?? {});
    }
  }

  /** @returns undefined if the changes don't fit together: each may by itself. */
  #advance(batch: readonly Change[]): Outcome[] | undefined {
    let next = this.#generations.installed();
    try {
      this.#installer.prefetch(
        batch.flatMap(({ compiled }) => (compiled === undefined ? [] : [compiled])),
      );
      const outcomes = batch.map(({ apply }): Outcome => {
        const { value, problems } = apply(next);
        if (value === undefined) return { problems };
        next = value;
        return {};
      });
      this.#generations.advance(next);
      return outcomes;
    } catch (error) {
      if (batch.length > 1) return undefined;
      const name = batch[0]?.name ?? "";
      this.#logger.error("Policies cannot be changed; those in force go on", {
        policy: name,
        error,
      });
      const reason = error instanceof Error ? error.message : String(error);
      return [
        {
          problems: [
            policyProblem({
              code: "policy-not-loaded",
              message: `Cannot load policy "${name}": ${reason}`,
            }),
          ],
        },
      ];
    }
  }

  #report(policy: NewPolicy, problems: readonly Problem[]): void {
    const key = keyText(policy.key);
    if (problems.length === 0) {
      this.#failures.delete(key);
      return;
    }
    const text = problemsText(problems);
    const current = this.#generations.installed().get(key);
    if (current !== undefined) {
      this.#failures.set(key, { error: stillRunning(current, text) });
      return;
    }
    const id = this.#failures.get(key)?.state?.id ?? this.#generations.nextPolicyId();
    this.#failures.set(key, { error: text, state: describeFailed(policy, id, text) });
  }

  #state(key: PolicyKey): Result<PolicyState> {
    const policy = this.#generations.installed().get(keyText(key));
    if (policy === undefined) return { problems: [notFound(key)] };
    return {
      value: describePolicy(
        policy,
        this.#failures.get(keyText(key))?.error ?? "",
        this.#generations,
      ),
    };
  }
}

function notFound({ name, namespace, origin }: PolicyKey): Problem {
  const where = namespace === "" ? "" : ` in namespace "${namespace}"`;
  return policyProblem({
    code: "policy-not-found",
    message: `There is no policy "${name}"${where} (${origin})`,
    hint: "`gander policy list` shows all of them.",
  });
}

function notHere({ name }: PolicyKey): Problem {
  return policyProblem({
    code: "policy-rule",
    message: `Cannot change policy "${name}" here: it comes from the cluster`,
    hint: "Change it where it comes from: with kubectl, or in Git.",
  });
}

function orderOf({ origin, namespace, name, uid = "" }: PolicyKey): string {
  return [origin, namespace, name, uid].join("/");
}

function stillRunning({ revision }: InstalledPolicy, problem: string): string {
  return `Failed, still running revision ${revision}: ${problem}`;
}

function placedText(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "error");
  return errors
    .map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
    .join("; ");
}
