// SPDX-License-Identifier: Apache-2.0
import type { EventBudget, Fuse, HookPoint } from "@gander/policy";
import type { SelectorCounters } from "../link/counter-table.ts";
import type { Followed } from "../link/follow-bits.ts";
import type { FindFile } from "../link/host-files.ts";
import type { LinkedTables, Remembered } from "../link/linked-tables.ts";
import type { SetContent } from "../link/set-interner.ts";
import type { PlanFacts } from "../plan/plan-facts.ts";
import type { TablesLabel } from "./pins/tables-label.ts";
import type { ProgramFiles } from "./program-files.ts";
import type { FuseState } from "./tables/fuses.ts";
import type { Side } from "./tables/sided-memory.ts";

/** The policy manager's view of the kernel. */
export interface PolicyKernel {
  readonly facts: PolicyKernelFacts;
  /**
   * Attaches a hook there if none has these features (link/features.ts; default: all), and returns its id. One that
   * lacks some stays attached. @throws BpfError, with the verifier's lines.
   */
  attach(point: HookPoint, features?: number): number;
  /** The hook there that has all features of the others; undefined: none is attached. */
  hookAt(point: HookPoint): number | undefined;
  /** The features that a hook lacks; all if it is not attached. */
  lacks(hook: number): number;
  /** Loads at once all that attaching at these places requires. @throws BpfError */
  prepare(points: Iterable<HookPoint>): void;
  /** Ids of all attached hooks. */
  attachedHooks(): ReadonlySet<number>;
  /** Detaches all hooks but these, off the main thread, and forgets their ids. */
  detachAllBut(ids: ReadonlySet<number>): Promise<void>;
  /** Calls that the kernel is known not to have handed to the hook's program since it was attached. */
  missedCalls(hook: number): bigint;
  /** Why the hook of `loader: true` is not called, although it is attached. */
  mappingProblem(): string | undefined;

  /** The side that programs read. */
  activeSide(): Side;
  /** Fills the other side. @throws BpfError if there is no memory for it. */
  write(side: Side, tables: LinkedTables): void;
  /** Gives back memory that only earlier tables needed. Call it when no program reads them any more. */
  releaseUnused(): Promise<void>;
  /** Copies another group's content to a group without cgroups, in the side that programs read. */
  copyGroup(from: number, to: number): void;
  /** From now on programs read that side: the one moment at which policies change. */
  activate(side: Side): void;
  /** The label beside the pins, for the next sensor. */
  tablesLabel(): TablesLabel;
  /** Call before `activate`: whatever a crash leaves must be known. @throws the system's Error */
  labelTables(label: TablesLabel): void;
  /** Resolves when no program can still be reading the previously active side. */
  waitForReaders(): Promise<void>;

  /** Calls counted so far for an application of that side. */
  calls(side: Side, application: number): bigint;
  /** Those of them for which there was no scratch memory. */
  unevaluated(side: Side, application: number): bigint;
  count(index: number): SelectorCounters;
  clearCount(index: number): void;
  /** From now on at most so many events of the policy with this index are posted; undefined: all. */
  setBudget(index: number, budget: EventBudget | undefined): void;
  /** A fuse begins anew with this index; undefined: nothing blows it. */
  setFuse(index: number, fuse: Fuse | undefined, state: "armed" | "blown"): void;
  fuse(index: number): FuseState;

  addSet(id: number, content: SetContent): void;
  /** Removes the entries of all sets but these, including what an earlier sensor left behind. */
  removeSetsBut(ids: ReadonlySet<number>): void;
  /** Highest set id with entries in the kernel; 0: none. */
  highestSetId(): number;

  /** From now on the bit marks these and all their descendants, including those already running. */
  follow(bits: ReadonlyMap<number, Followed>): void;
  /** Marks new processes only for these bits. */
  unfollowAllBut(bits: ReadonlySet<number>): void;
  /** Whether some process carries the bit. */
  isFollowBitCarried(bit: number): boolean;

  /** From now on policies can use these, also of processes that are already running: as they are now. */
  remember(kinds: ReadonlySet<Remembered>): void;
  /** Drops what is kept of all other kinds. */
  rememberOnly(kinds: ReadonlySet<Remembered>): void;

  /** From now on rows may count calls by these. */
  countBy(conditions: ReadonlySet<bigint>): void;
  /** No row counts by others any more: forgets what was counted by them. */
  countOnlyBy(conditions: ReadonlySet<bigint>): void;
  /** The highest id of a rule by which rows may still count; 0: none. */
  highestCountingRule(): number;

  /** Looks up the regular file now at this path of the host. Never waits long. */
  findFile: FindFile;
  /** The programs whose functions policies hook; `facts` has what was found. */
  programs: Pick<ProgramFiles, "lookUp" | "keepOnly">;
}

interface PolicyKernelFacts extends PlanFacts {
  /** Looks up many functions at once. */
  prefetch(functionNames: Iterable<string>): void;
  /** Attaching by trampoline failed: from now on plans avoid it. */
  forgetTraceable(functionName: string): void;
}
