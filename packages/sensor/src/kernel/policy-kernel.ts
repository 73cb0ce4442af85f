// SPDX-License-Identifier: Apache-2.0
import type { HookPoint } from "@gander/policy";
import type { SelectorCounters } from "../link/counter-table.ts";
import type { Followed } from "../link/follow-bits.ts";
import type { FindFile } from "../link/host-files.ts";
import type { LinkedTables } from "../link/linked-tables.ts";
import type { SetContent } from "../link/set-interner.ts";
import type { PlanFacts } from "../plan/plan-facts.ts";
import type { TablesLabel } from "./pins/tables-label.ts";
import type { Side } from "./tables/table-writer.ts";

/** What the policy manager needs of the kernel. */
export interface PolicyKernel {
  readonly facts: PolicyKernelFacts;
  /** Attaches there if nothing is, and gives the hook's id. @throws BpfError, with the verifier's lines. */
  attach(point: HookPoint): number;
  /** Loads what attaching at these places will take, all at once. @throws BpfError */
  prepare(points: Iterable<HookPoint>): void;
  /** Ids of all hooks that are attached. */
  attachedHooks(): ReadonlySet<number>;
  /** Detaches all hooks but these, off the main thread, and forgets their ids. */
  detachAllBut(ids: ReadonlySet<number>): Promise<void>;
  /** Calls that the kernel did not hand to the hook's program since it was attached, as far as it tells. */
  missedCalls(hook: number): bigint;

  /** The side that programs read. */
  activeSide(): Side;
  /** Fills the other side. */
  write(side: Side, tables: LinkedTables): void;
  /** Gives a group that no cgroup is in what another one has, in the side that programs read. */
  copyGroup(from: number, to: number): void;
  /** From here on programs read that side: the one moment at which policies change. */
  activate(side: Side): void;
  /** What lies beside the pins, for whoever finds them. */
  tablesLabel(): TablesLabel;
  /** To be called before `activate`: what is found after a crash has to be known. @throws Error of the system */
  labelTables(label: TablesLabel): void;
  /** Returns when no program can still be reading what was active before. */
  waitForReaders(): Promise<void>;

  /** Calls counted so far for an application of that side. */
  calls(side: Side, application: number): bigint;
  /** Those of them for which there was no scratch memory. */
  unevaluated(side: Side, application: number): bigint;
  count(index: number): SelectorCounters;
  clearCount(index: number): void;

  addSet(id: number, content: SetContent): void;
  /** Removes the entries of all sets but these; also what an earlier sensor left behind. */
  removeSetsBut(ids: ReadonlySet<number>): void;
  /** Highest set id with entries in the kernel, 0: none. */
  highestSetId(): number;

  /** From now on the bit marks these and all their descendants, those that already run included. */
  follow(bits: ReadonlyMap<number, Followed>): void;
  /** Marks no new processes for other bits than these. */
  unfollowAllBut(bits: ReadonlySet<number>): void;
  /** Some process carries the bit. */
  isFollowBitCarried(bit: number): boolean;

  /** The regular file at this path of the host, found anew. Never waits long. */
  findFile: FindFile;
}

export interface PolicyKernelFacts extends PlanFacts {
  /** Looks up many functions at once. */
  prefetch(functionNames: Iterable<string>): void;
  /** Attaching by trampoline failed: plans avoid it from now on. */
  forgetTraceable(functionName: string): void;
}
