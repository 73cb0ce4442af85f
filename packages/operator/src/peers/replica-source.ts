// SPDX-License-Identifier: Apache-2.0
import { digestText } from "@gander/policy/content";
import type { NodeState, PolicyReport, ReplicaReport, RevisionReport } from "@gander/proto/stream";
import { noTotals, type Totals, totalsOf } from "../sensors/policy-totals.ts";
import type { NodeException, Rollout } from "../sensors/rollout-state.ts";
import type { FleetSource } from "../status/fleet-view.ts";
import type { PolicyRevision } from "../workloads/workload.ts";

type KeptPolicy = {
  readonly revisions: ReadonlyMap<string, RevisionReport>;
  readonly totals: Totals;
};

export type NodesOfReport = { readonly came: readonly string[]; readonly went: readonly string[] };

const noAnswers: Rollout = { answered: 0, ready: 0, states: {}, worst: [] };

/**
 * What another replica reported. A sensor that has moved on no longer belongs to it: until the replica
 * notices, each such sensor reduces its counts by one, so that no policy looks better than it is.
 */
export class ReplicaSource implements FleetSource {
  readonly #nodes = new Set<string>();
  readonly #startProblems = new Map<string, string>();
  readonly #policies = new Map<string, KeptPolicy>();
  readonly #listeners = new Set<{ readonly call: (uid?: string) => void }>();
  readonly #isElsewhere: (node: string) => boolean;
  #pending: ReplicaReport[] = [];
  #moved: ReadonlySet<string> | undefined;

  /** `isElsewhere`: the node's sensor said Hello here, or at a replica that reported it later. */
  constructor(isElsewhere: (node: string) => boolean) {
    this.#isElsewhere = isElsewhere;
  }

  get size(): number {
    return this.#nodes.size - this.moved.size;
  }

  /** Sensors that have moved without the replica having noticed. */
  get moved(): ReadonlySet<string> {
    this.#moved ??= new Set([...this.#nodes].filter((node) => this.#isElsewhere(node)));
    return this.#moved;
  }

  *nodeNames(): Iterable<string> {
    for (const node of this.#nodes) if (!this.moved.has(node)) yield node;
  }

  has(node: string): boolean {
    return this.#nodes.has(node) && !this.moved.has(node);
  }

  startProblem(node: string): string | undefined {
    return this.#startProblems.get(node);
  }

  /** Whether the replica reports the node, whatever others report. */
  claims(node: string): boolean {
    return this.#nodes.has(node);
  }

  /** Sensors may have moved: `moved` is computed again. */
  recheck(): void {
    this.#moved = undefined;
  }

  /** Takes a part of a report; returns the added and removed nodes once it is complete. */
  receive(report: ReplicaReport): NodesOfReport {
    this.#pending.push(report);
    if (report.more === true) return { came: [], went: [] };
    const complete = this.#pending;
    this.#pending = [];
    const came = complete.flatMap((part) => part.came ?? []);
    const went = complete.flatMap((part) => part.went ?? []);
    for (const node of went) this.#nodes.delete(node);
    for (const node of came) this.#nodes.add(node);
    this.recheck();
    const startProblems = complete.flatMap((part) => part.start_problems ?? []);
    for (const { node = "", problem = "" } of startProblems) {
      if (problem === "") this.#startProblems.delete(node);
      else this.#startProblems.set(node, problem);
    }
    const policies = complete.flatMap((part) => part.policies ?? []);
    for (const policy of policies) this.#keep(policy);
    if (came.length + went.length + startProblems.length > 0) this.#tell();
    else for (const { uid } of policies) this.#tell(uid);
    return { came, went };
  }

  answers(revision: PolicyRevision): Rollout {
    const report = this.#policies.get(revision.uid)?.revisions.get(keyOf(revision));
    if (report === undefined) return noAnswers;
    const gone = this.moved.size;
    const { answered = 0, ready = 0, states = [], worst = [] } = report;
    const kept = states.flatMap(({ state, nodes = 0 }) => {
      const name = exceptionStates[state ?? "NODE_STATE_UNSPECIFIED"];
      return name === undefined ? [] : [[name, nodes] as const];
    });
    return {
      answered: Math.max(0, answered - gone),
      ready: Math.max(0, ready - gone),
      states: Object.fromEntries(kept),
      worst: worst.flatMap(({ node = "", state, code = "", message = "", running_generation }) => {
        const name = exceptionStates[state ?? "NODE_STATE_UNSPECIFIED"];
        if (name === undefined) return [];
        const runningGeneration = Number(running_generation ?? 0);
        return [{ node, revision, state: name, code, message, runningGeneration }];
      }),
    };
  }

  waiting(revision: PolicyRevision): readonly string[] {
    return this.#policies.get(revision.uid)?.revisions.get(keyOf(revision))?.waiting ?? [];
  }

  totals(uid: string): Totals {
    return this.#policies.get(uid)?.totals ?? noTotals;
  }

  onChange(call: (uid?: string) => void): Disposable {
    const listener = { call };
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #keep({ uid = "", revisions = [], counts = {} }: PolicyReport): void {
    if (revisions.length === 0) {
      this.#policies.delete(uid);
      return;
    }
    const kept = revisions.map((one) => {
      const { generation = "0", digest = new Uint8Array(), mode = "" } = one;
      const key = { generation: Number(generation), digest: digestText(digest), mode };
      return [keyOf(key), one] as const;
    });
    this.#policies.set(uid, {
      revisions: new Map(kept),
      totals: totalsOf(counts),
    });
  }

  #tell(uid?: string): void {
    for (const { call } of this.#listeners) call(uid);
  }
}

const keyOf = ({
  generation,
  digest,
  mode,
}: {
  generation: number;
  digest: string;
  mode: string;
}) => `${generation} ${mode} ${digest}`;

const exceptionStates: Readonly<Partial<Record<NodeState, NodeException["state"]>>> = {
  NODE_STATE_FAILED: "POLICY_STATE_FAILED",
  NODE_STATE_UNSUPPORTED: "POLICY_STATE_UNSUPPORTED",
  NODE_STATE_REFUSED: "POLICY_STATE_REFUSED",
  NODE_STATE_DEGRADED: "POLICY_STATE_DEGRADED",
};
