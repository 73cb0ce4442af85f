// SPDX-License-Identifier: Apache-2.0
import type { CompiledArg, CompiledHook } from "../compiled-policy.ts";
import { pathText, type Scope } from "../scope.ts";

/** `loader: true`: files that are mapped to be executed, with the build ID that the kernel reads from them. */
export function loaderHook(scope: Scope): CompiledHook {
  return {
    kind: "loader",
    target: mappingFunction,
    syscall: false,
    raw: false,
    path: pathText(scope.path),
    index: 0,
    ignoreCallNotFound: false,
    message: "",
    tags: [],
    // Events show the first three (`loaderFields`); filters test the others.
    args: [
      mapping("file", "vma.vm_file"),
      mapping("const_buf", "build_id"),
      mapping("uint32", "build_id_size"),
      mapping("uint64", "vma.vm_flags"),
      mapping("uint64", "vma.vm_file"),
      { ...argument("uint64", 0), btfType: "perf_event", resolve: "attr.config1" },
    ],
    selectors: [
      {
        index: 0,
        label: "",
        filters: [
          { on: "arg", arg: 3, test: { op: "mask", negate: false, values: [executable] } },
          { on: "arg", arg: 4, test: { op: "equal", negate: true, values: [0n] } },
          { on: "arg", arg: 5, test: { op: "equal", negate: false, values: [mappingEventMark] } },
        ],
        returnFilters: [],
        actions: [],
        returnActions: [],
      },
    ],
  };
}

/** Called for each perf event that reports mappings: those that a sensor opens, and those of other tools. */
export const mappingFunction = "perf_event_mmap_output";

/** `config1` of the sensor's own perf events ("gander"). */
export const mappingEventMark = 0x67616e646572n;

/** VM_EXEC */
const executable = 4n;

const argument = (type: CompiledArg["type"], index: number): CompiledArg => ({
  ...{ type, index, label: "", returnCopy: false },
});

const mapping = (type: CompiledArg["type"], resolve: string): CompiledArg => ({
  ...argument(type, 1),
  ...{ btfType: "perf_mmap_event", resolve },
});
