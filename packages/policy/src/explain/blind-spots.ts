// SPDX-License-Identifier: Apache-2.0
import { typeRow } from "@gander/crd-schemas";
import type { CompiledFilter, CompiledHook } from "../compiled-policy.ts";
import { isEnforcing } from "../kernel-check/hook-traits.ts";
import { checkOfSyscall, hookNote } from "./hook-notes.ts";
import { words } from "./words.ts";

/** Something that a hook doesn't see, or sees too late. */
export type BlindSpot = {
  readonly says: string;
  /** What sees it; empty: nothing here does. */
  readonly instead: string;
};

/** Nothing is said of what other filters of the same hook cover. */
export function blindSpotsOf(hook: CompiledHook): readonly BlindSpot[] {
  return [
    ...atTheHook(hook),
    ...(hook.syscall ? ofSystemCalls(hook) : []),
    ...(hook.kind === "uprobe" || hook.kind === "usdt" ? [copies] : []),
    ...(filtersPaths(hook) ? [names] : []),
    ...ofPrograms(hook),
  ];
}

function atTheHook(hook: CompiledHook): readonly BlindSpot[] {
  const { misses, hook: instead } = hookNote(hook) ?? {};
  if (misses !== undefined)
    return [
      {
        says: `${misses.slice(0, 1).toUpperCase()}${misses.slice(1)}.`,
        instead: `Hook ${instead ?? ""}.`,
      },
    ];
  return instead === undefined
    ? []
    : [{ says: "There is a better place.", instead: `Hook ${instead}.` }];
}

function ofSystemCalls(hook: CompiledHook): readonly BlindSpot[] {
  const better = checkOfSyscall(hook.target);
  const instead =
    better === undefined
      ? "Hook a function of the kernel that all of them go through, with `syscall: false`, if there is one."
      : `Hook ${better} with \`syscall: false\`.`;
  return [
    {
      says: `Other system calls to the same end, ${otherTables(hook)}and io_uring.${
        enforces(hook) ? " And it cannot be denied there on most kernels." : ""
      }`,
      instead,
    },
    ...(comparesMemory(hook)
      ? [
          {
            says: "The kernel reads texts of the process again after they were compared: another thread can change them meanwhile. Those that are not in memory at that moment match nothing.",
            instead,
          },
        ]
      : []),
  ];
}

/** Calls of which the hook sees only those of 32-bit or of 64-bit programs. */
function otherTables({ target, others = [] }: CompiledHook): string {
  const all = [target, ...others];
  const compat = all.flatMap((name) => /^__ia32_(.*)/.exec(name)?.[1] ?? []);
  const plain = all.filter((name) => !name.startsWith("__ia32_"));
  const lacking = (bits: number, seen: readonly string[], other: readonly string[]) => {
    const unseen = seen.filter((name) => !other.includes(name));
    if (unseen.length === 0) return "";
    return unseen.length === all.length
      ? `${bits}-bit calls `
      : `${bits}-bit calls of ${words(unseen, "and")}, `;
  };
  return lacking(32, plain, compat) + lacking(64, compat, plain);
}

/** A filter reads what an argument points to, in the memory of the process. */
function comparesMemory({ selectors, args }: CompiledHook): boolean {
  const compares = (filter: CompiledFilter): boolean => {
    if (filter.on === "any") return filter.of.some((all) => all.some(compares));
    if (filter.on !== "arg" || filter.arg === "return") return false;
    const type = args[filter.arg]?.type;
    return type !== undefined && type !== "auto" && pointsToMemory(type);
  };
  return selectors.some(({ filters, returnFilters }) =>
    [...filters, ...returnFilters].some(compares),
  );
}

const pointsToMemory = (type: Parameters<typeof typeRow>[0]): boolean =>
  ["text", "bytes"].includes(typeRow(type).family);

const enforces = ({ selectors }: CompiledHook): boolean =>
  selectors.some(({ actions }) => actions.some(isEnforcing));

const copies: BlindSpot = {
  says: "A copy of the file is another file and is not hooked; anyone can make one.",
  instead: "Enforce at a function of the kernel.",
};

const names: BlindSpot = {
  says: "Files are known by their names: the same file under another name (a hard link made before, a mount elsewhere) is not seen.",
  instead:
    "Guard the ways to another name, too: security_path_link, security_path_rename, security_sb_mount.",
};

function filtersPaths({ selectors, args }: CompiledHook): boolean {
  return selectors.some(({ filters }) =>
    filters.some((filter) => {
      if (filter.on !== "arg" || filter.arg === "return" || filter.test.negate) return false;
      const type = args[filter.arg]?.type;
      return (
        type !== undefined &&
        type !== "auto" &&
        typeRow(type).family === "path" &&
        filter.test.op.startsWith("str-")
      );
    }),
  );
}

type BinaryFilter = Extract<CompiledFilter, { on: "binary" }>;

function ofPrograms({ selectors }: CompiledHook): readonly BlindSpot[] {
  const filters = selectors
    .flatMap(({ filters }) => filters)
    .filter((filter): filter is BinaryFilter => filter.on === "binary" && filter.match !== "file");
  return [
    ...(filters.some(({ negate }) => !negate)
      ? [
          {
            says: "A program that shall be caught is known by its path: a copy under another name is not caught.",
            instead: "Say which programs are allowed (NotIn) rather than which are not.",
          },
        ]
      : []),
    ...(filters.some(({ negate }) => negate)
      ? [
          {
            says: "An exception for a program holds for all that it is made to do, by its arguments, its environment (LD_PRELOAD) or a debugger; a script has its interpreter's path.",
            instead: "",
          },
        ]
      : []),
  ];
}
