// SPDX-License-Identifier: Apache-2.0
import type { Logger, Problem } from "@gander/base";
import { type CheckedPolicy, type CheckedSet, useSets } from "@gander/policy";
import type { PolicyFile } from "./policy-file.ts";

type Policies = ReadonlyMap<string, CheckedPolicy>;

/** Policies with the values of their sets, by the key of the policy. */
type Resolved = {
  readonly usable: Policies;
  /** As they are in their files, and why they can't be in force with these values. */
  readonly refused: ReadonlyMap<
    string,
    { readonly policy: CheckedPolicy; readonly problems: readonly Problem[] }
  >;
  /** Of usable ones: why the values of their sets are not the newest. */
  readonly outdated: ReadonlyMap<string, readonly Problem[]>;
};

type Known = {
  readonly set: CheckedSet;
  /** Its newest version is unreadable, or in no file. */
  readonly problems: readonly Problem[];
};

/** The ValueSets of all files. One that is in no file any more is kept for the policies that use it. */
export class KnownSets {
  readonly #logger: Logger;
  #sets: ReadonlyMap<string, Known> = new Map();
  #twice: ReadonlySet<string> = new Set();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `files` by path, as they are now. */
  resolve(files: ReadonlyMap<string, PolicyFile>, policies: Policies): Resolved {
    this.#update(files, policies.values());
    const sets = new Map([...this.#sets].map(([name, { set }]) => [name, set]));
    const usable = new Map<string, CheckedPolicy>();
    const refused = new Map<string, { policy: CheckedPolicy; problems: readonly Problem[] }>();
    const outdated = new Map<string, readonly Problem[]>();
    for (const [key, policy] of policies) {
      const { value, problems = [] } = useSets(policy, sets);
      if (value === undefined) refused.set(key, { policy, problems });
      else usable.set(key, value);
      const names = new Set(policy.setUses?.map(({ set }) => set));
      const old = [...names].flatMap((name) => this.#sets.get(name)?.problems ?? []);
      if (value !== undefined && old.length > 0) outdated.set(key, old);
    }
    return { usable, refused, outdated };
  }

  #update(files: ReadonlyMap<string, PolicyFile>, policies: Iterable<CheckedPolicy>): void {
    const found = new Map<string, Known>();
    const twice = new Set<string>();
    for (const path of [...files.keys()].sort()) {
      const { sets = [], problems = [] } = files.get(path) ?? {};
      for (const set of sets) {
        const first = found.get(set.name)?.set.file;
        if (first === undefined) found.set(set.name, { set, problems });
        else twice.add(set.name);
        if (first !== undefined && !this.#twice.has(set.name))
          this.#logger.error("ValueSet is in two files, the second one is ignored", {
            set: set.name,
            first,
            second: path,
          });
      }
    }
    const wanted = new Set(
      [...policies].flatMap(({ setUses = [] }) => setUses.map(({ set }) => set)),
    );
    for (const [name, known] of this.#sets) {
      if (found.has(name) || !wanted.has(name)) continue;
      if (known.problems.every(({ code }) => code !== "policy-unknown-set"))
        this.#logger.error("ValueSet is in no file any more; its last values stay in force", {
          set: name,
        });
      found.set(name, { ...known, problems: [goneProblem(known.set)] });
    }
    this.#sets = found;
    this.#twice = twice;
  }
}

const goneProblem = ({ name, file }: CheckedSet): Problem => ({
  ...{ file, path: "", line: 1, column: 1 },
  code: "policy-unknown-set",
  message: `the ValueSet "${name}" is in no file any more; its last values stay in force`,
  hint: "Write it again, or remove it from the policy.",
  severity: "error",
});
