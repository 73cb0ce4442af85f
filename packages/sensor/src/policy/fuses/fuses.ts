// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { type CompiledPolicy, type Fuse, fuseText } from "@gander/policy";
import type { PolicyKernel } from "../../kernel/policy-kernel.ts";
import { limits } from "../../link/abi.gen.ts";
import { createNumberPool, type NumberPool } from "../../link/number-pool.ts";
import { type InstalledPolicy, keyText } from "../installed-policy.ts";
import type { PolicyKey } from "../policy-state.ts";
import type { BlownFuse, FuseFile } from "./fuse-file.ts";
import type { FuseReport } from "./fuse-report.ts";
import type { InstalledFuse } from "./installed-fuse.ts";

/** What became of a fuse. */
export type FuseChange = {
  readonly policy: PolicyKey;
  readonly fuse: string;
  readonly to: "blown" | "armed";
};

type Deps = {
  readonly kernel: Pick<PolicyKernel, "setFuse" | "fuse">;
  readonly file: FuseFile;
  readonly logger: Logger;
};

type Options = {
  /** Of policies without one of their own; absent: they have none. */
  readonly standard?: Fuse | undefined;
  /** Those of an earlier sensor with the same programs. */
  readonly adopted: readonly InstalledPolicy[];
  /** How often to look whether one is blown; 100 if absent. */
  readonly lookMs?: number | undefined;
};

/** How the programs' fuses are armed, noticed to be blown, and kept blown until a person arms them again. */
export class Fuses implements Disposable {
  readonly #deps: Deps;
  readonly #standard: Fuse | undefined;
  readonly #lookMs: number;
  readonly #numbers: NumberPool;
  readonly #blown: Map<string, BlownFuse>;
  readonly #listeners = new Set<(change: FuseChange) => void>();
  #policies: readonly InstalledPolicy[] = [];
  #timer: NodeJS.Timeout | undefined;
  #unsaved = false;

  constructor(deps: Deps, { standard, adopted, lookMs = 100 }: Options) {
    this.#deps = deps;
    this.#standard = standard;
    this.#lookMs = lookMs;
    const { blown, problem } = deps.file.load();
    this.#blown = new Map(blown);
    if (problem !== "")
      deps.logger.error("Which fuses are blown cannot be read from disk: they are armed again", {
        problem,
      });
    const used = adopted.flatMap(({ fuse }) => fuse?.number ?? []);
    this.#numbers = createNumberPool("fuses", { first: 1, end: limits.MAX_FUSES }, used);
  }

  /** What the policy's fuse is to be; undefined: it has none. */
  wanted({ fuse = this.#standard, mode }: CompiledPolicy): Fuse | undefined {
    return fuse === "off" || mode === "monitor-only" ? undefined : fuse;
  }

  /** The fuse of a new version; an equal one of the version before goes on. */
  take(
    key: PolicyKey,
    compiled: CompiledPolicy,
    before: InstalledFuse | undefined,
  ): InstalledFuse | undefined {
    const wanted = this.wanted(compiled);
    if (wanted === undefined) return undefined;
    if (before !== undefined && isSame(before, wanted)) return before;
    const number = this.#numbers.take();
    const blown = this.#blown.get(keyText(key));
    const stays = blown?.fuse === fuseText(wanted) && !isRearmed(blown, compiled);
    this.#deps.kernel.setFuse(number, wanted, stays ? "blown" : "armed");
    return { ...wanted, number };
  }

  /** Whether the policy's fuse is as it is to be. */
  isCurrent({ fuse }: InstalledPolicy, compiled: CompiledPolicy): boolean {
    const wanted = this.wanted(compiled);
    return wanted === undefined ? fuse === undefined : fuse !== undefined && isSame(fuse, wanted);
  }

  /** These policies are in force now. */
  follow(policies: readonly InstalledPolicy[]): void {
    const now = new Map(policies.map((policy) => [keyText(policy.key), policy]));
    for (const { key } of this.#policies)
      if (now.get(keyText(key))?.fuse === undefined) this.#forget(keyText(key));
    this.#policies = policies.filter(({ fuse }) => fuse !== undefined);
    this.look();
    if (this.#policies.length === 0) clearInterval(this.#timer);
    if (this.#policies.length === 0) this.#timer = undefined;
    else this.#timer ??= setInterval(() => this.look(), this.#lookMs).unref();
  }

  /** Their numbers may be given to others. */
  keepOnly(policies: readonly InstalledPolicy[]): void {
    this.#numbers.keepOnly(new Set(policies.flatMap(({ fuse }) => fuse?.number ?? [])));
  }

  /** Looks for fuses that have blown since, and for those that a person has armed again. */
  look(): void {
    for (const policy of this.#policies) this.#lookAt(policy);
    if (this.#unsaved) this.#save();
  }

  /** @returns false: it was not blown. */
  rearm(policy: InstalledPolicy): boolean {
    this.look();
    if (policy.fuse === undefined || !this.#blown.has(keyText(policy.key))) return false;
    this.#arm(policy, policy.fuse);
    this.#save();
    return true;
  }

  /** Undefined: the policy has none. */
  report({ key, fuse }: InstalledPolicy): FuseReport | undefined {
    if (fuse === undefined) return undefined;
    const { isBlown, spared } = this.#deps.kernel.fuse(fuse.number);
    const at = this.#blown.get(keyText(key))?.at ?? new Date().toISOString();
    return { fuse: fuseText(fuse), blownAt: isBlown ? at : "", spared };
  }

  /** It must neither throw nor wait. */
  onChange(listener: (change: FuseChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #lookAt(policy: InstalledPolicy): void {
    const { key, fuse, compiled } = policy;
    if (fuse === undefined) return;
    const known = this.#blown.get(keyText(key));
    const { isBlown } = this.#deps.kernel.fuse(fuse.number);
    if (isBlown && known === undefined) this.#note(policy, fuse);
    else if (known !== undefined && isRearmed(known, compiled)) this.#arm(policy, fuse);
    // Another fuse than that which has blown: who changes it, arms it.
    else if (known !== undefined && !isBlown) this.#forget(keyText(key));
  }

  #note({ key, compiled }: InstalledPolicy, fuse: InstalledFuse): void {
    const text = fuseText(fuse);
    this.#blown.set(keyText(key), {
      ...{ fuse: text, at: new Date().toISOString() },
      rearmed: compiled.fuseRearmed ?? "",
    });
    this.#unsaved = true;
    this.#deps.logger.error(
      "The fuse of a policy is blown: on this node it only monitors, until someone arms the fuse again",
      { policy: key.name, namespace: key.namespace, fuse: text, hint: rearmHint(key) },
    );
    this.#tell({ policy: key, fuse: text, to: "blown" });
  }

  #arm({ key }: InstalledPolicy, fuse: InstalledFuse): void {
    const { spared } = this.#deps.kernel.fuse(fuse.number);
    this.#blown.delete(keyText(key));
    this.#unsaved = true;
    this.#deps.kernel.setFuse(fuse.number, fuse, "armed");
    const text = fuseText(fuse);
    this.#deps.logger.warn("The fuse of a policy was armed again: the policy enforces", {
      policy: key.name,
      namespace: key.namespace,
      fuse: text,
      notEnforced: String(spared),
    });
    this.#tell({ policy: key, fuse: text, to: "armed" });
  }

  #forget(key: string): void {
    if (this.#blown.delete(key)) this.#unsaved = true;
  }

  #tell(change: FuseChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  /** If it fails, the next look tries again: the kernel's state holds until a restart. */
  #save(): void {
    try {
      this.#deps.file.save(this.#blown);
      this.#unsaved = false;
    } catch (error) {
      this.#deps.logger.error("Which fuses are blown cannot be saved", { error });
    }
  }
}

const isSame = (a: Fuse, b: Fuse) => a.pods === b.pods && a.windowMs === b.windowMs;

/** Without a text, nobody says anything: GitOps may leave the annotation out. */
const isRearmed = (blown: BlownFuse, { fuseRearmed = "" }: CompiledPolicy) =>
  fuseRearmed !== "" && fuseRearmed !== blown.rearmed;

const rearmHint = ({ name, namespace, origin }: PolicyKey): string =>
  origin === "operator"
    ? `Find out why; then set the policy's annotation gander.dev/fuse-rearmed to the time, for all nodes, or run \`gander policy rearm ${name}\` on this one`
    : `Find out why; then run \`gander policy rearm ${name}${namespace === "" ? "" : ` --namespace ${namespace}`}\``;
