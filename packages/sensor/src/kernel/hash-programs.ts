// SPDX-License-Identifier: Apache-2.0
import { type BpfObject, type BpfProgram, cloneProgram, type ObjectSpec } from "@gander/libbpf";
import { type HookPoint, hashHooks } from "@gander/policy";

/** The programs of bpf/hash.bpf.h. */
export type HashPrograms = {
  /** Those that a hook with FEATURE_HASH needs beside it, in the order in which to attach them; close them. @throws BpfError */
  for(point: HookPoint): BpfProgram[];
  close(): void;
};

const finisher = "hash__finish";
/** By what the hook's first argument is; and a hook of that form, for the template. */
const hashers = {
  program: { name: "hash__program", target: "bprm_check_security" },
  file: { name: "hash__file", target: "mmap_file" },
} as const;

type Deps = {
  readonly spec: ObjectSpec;
  /** Loads the programs of the spec that are marked. */
  readonly load: () => BpfObject;
  readonly functionId: (name: string) => number;
};

export function createHashPrograms({ spec, load, functionId }: Deps): HashPrograms {
  let loaded: BpfObject | undefined;
  return {
    for({ kind, target }) {
      const argument = kind === "lsm" ? hashHooks.get(target) : undefined;
      if (argument === undefined) return [];
      loaded ??= loadTemplates(spec, load);
      const attachTarget = { btfId: functionId(`bpf_lsm_${target}`) };
      const first = cloneProgram(loaded, finisher, { attachTarget });
      try {
        return [first, cloneProgram(loaded, hashers[argument].name, { attachTarget })];
      } catch (error) {
        first.close();
        throw error;
      }
    },
    close() {
      loaded?.close();
      loaded = undefined;
    },
  };
}

function loadTemplates(spec: ObjectSpec, load: () => BpfObject): BpfObject {
  const targets = new Map<string, string>([
    [finisher, hashers.program.target],
    ...Object.values(hashers).map(({ name, target }): [string, string] => [name, target]),
  ]);
  for (const program of spec.programs.values()) {
    const target = targets.get(program.name);
    program.load = target !== undefined;
    if (target !== undefined) program.attachTarget = target;
  }
  return load();
}
