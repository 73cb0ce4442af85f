// SPDX-License-Identifier: Apache-2.0
import type { ConditionType, NodeState } from "@gander/crd-schemas";
import { nodeStates, worstNodesLimit } from "@gander/crd-schemas";
import { rearmAnnotation } from "@gander/policy";
import type { PolicyRollout } from "../policies/policy-rollouts.ts";
import { hasBlownFuse } from "../sensors/rollout-state.ts";
import type { SetTrouble } from "../sets/set-catalog.ts";
import { cannotStart, type FleetNode, type FleetPolicy, type FleetRevision } from "./fleet-view.ts";
import { listText, percentText, plural } from "./status-text.ts";

/** A condition without the time of its last change. */
export type Verdict = {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
};

export type Verdicts = Readonly<Record<ConditionType, Verdict>>;

/** The state of a policy's nodes, for the revision that the status describes. */
type NodesState = {
  /** Generation that nodes have or receive; 0: none. */
  readonly revision: number;
  readonly total: number;
  readonly ready: number;
  readonly states: Readonly<Record<NodeState, number>>;
  readonly worst: readonly FleetNode[];
};

const noStates = Object.fromEntries(nodeStates.map((state) => [state, 0])) as Record<
  NodeState,
  number
>;

/**
 * Nodes by the state of the newest revision that any of them receives. Nodes that don't receive it yet,
 * during a canary, are pending.
 */
export function nodesState(fleet: FleetPolicy | undefined): NodesState {
  const [newest] = fleet?.revisions ?? [];
  if (fleet === undefined || newest === undefined)
    return { revision: 0, total: 0, ready: 0, states: noStates, worst: [] };
  const waiting = fleet.nodes - newest.nodes;
  return {
    revision: newest.generation,
    total: fleet.nodes,
    ready: newest.ready,
    states: { ...newest.states, pending: newest.states.pending + waiting },
    worst: fleet.worst,
  };
}

/** The conditions of a policy, by the rules of kstatus: at most one of Reconciling and Stalled is True. */
export function policyVerdicts(rollout: PolicyRollout, fleet: FleetPolicy | undefined): Verdicts {
  const nodes = nodesState(fleet);
  const say = (text: string) => withSets(text, rollout.setTroubles);
  switch (rollout.phase) {
    case "rejected":
      return rejected(rollout, nodes);
    case "aborted":
      return stuck("Aborted", say(abortedText(rollout, nodes)));
    case "held":
      return underWay("Paused", say(heldText(rollout, nodes)));
    case "choosing":
      return underWay("Canary", say("The nodes that get it first are being chosen"));
    case "canary":
      return canary(rollout, fleet);
    case "everywhere":
      return everywhere(rollout, nodes, { hasGaps: isWithGaps(fleet) });
  }
}

const accepted: Verdict = { status: "True", reason: "Valid", message: "The spec is valid" };

function verdicts(
  ready: Verdict,
  programmed: Verdict,
  doing: "reconciling" | "stalled" | "nothing",
): Verdicts {
  const { reason, message } = ready;
  const whether = (is: boolean, otherwise: string): Verdict =>
    is ? { status: "True", reason, message } : { status: "False", reason: otherwise, message: "" };
  return {
    Accepted: accepted,
    Programmed: programmed,
    Ready: ready,
    Reconciling: whether(doing === "reconciling", doing === "stalled" ? "Stalled" : "Settled"),
    Stalled: whether(doing === "stalled", doing === "reconciling" ? "Progressing" : "Settled"),
  };
}

const no = (reason: string, message: string): Verdict => ({ status: "False", reason, message });
const yes = (reason: string, message: string): Verdict => ({ status: "True", reason, message });

const stuck = (reason: string, message: string) =>
  verdicts(no(reason, message), no(reason, message), "stalled");

const underWay = (reason: string, message: string) =>
  verdicts(no(reason, message), no(reason, message), "reconciling");

function rejected({ policy, setTroubles }: PolicyRollout, nodes: NodesState): Verdicts {
  const problems = (policy.compiled.problems ?? []).map(
    ({ path, message, hint, code }) =>
      `${path === "" ? "" : `${path}: `}${message} (${code})${hint === "" ? "" : `; ${hint}`}`,
  );
  const what = `Generation ${policy.generation} cannot be used: ${listText(problems, 700)}`;
  return {
    ...stuck("Invalid", withSets(`${inForceText(nodes)}. ${what}`, setTroubles)),
    Accepted: no("Invalid", what),
  };
}

function abortedText({ policy }: PolicyRollout, nodes: NodesState): string {
  return `Generation ${policy.generation} was taken back by annotation; ${lower(inForceText(nodes))}`;
}

function heldText({ policy, settings }: PolicyRollout, nodes: NodesState): string {
  return withProblems(
    settings.problems,
    `Generation ${policy.generation} is held back because the policy is paused; ${lower(inForceText(nodes))}`,
  );
}

/** The generation in force in place of the newest one. */
function inForceText({ revision, total, ready }: NodesState): string {
  if (revision === 0) return "No generation of it is in force";
  return `Generation ${revision} stays in force, ready on ${ready} of ${plural(total, "node")}`;
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

const withProblems = (problems: readonly string[], text: string) =>
  problems.length === 0 ? text : `${text}. Not understood: ${listText(problems, 300)}`;

function canary({ settings, progress, ...rollout }: PolicyRollout, fleet: FleetPolicy | undefined) {
  const { generation } = rollout.policy;
  const first = fleet?.revisions.find((one) => one.generation === generation);
  const rest = (fleet?.nodes ?? 0) - (first?.nodes ?? 0);
  const blown = (fleet?.worst ?? []).filter(hasBlownFuse);
  const bad = (first === undefined ? 0 : badNodes(first.states)) + blown.length;
  const nodes = first?.nodes ?? 0;
  const how = `Generation ${generation} goes to ${plural(nodes, "node")} first, ready on ${first?.ready ?? 0}; ${plural(rest, "node")} to follow`;
  const say = (text: string) =>
    withSets(withProblems(settings.problems, text), rollout.setTroubles);
  if (settings.isPaused)
    return underWay("Paused", say(`${how} when the policy is no longer paused`));
  if (bad > 0)
    return stuck(
      "CanaryFailed",
      say(`${how}. Promote or abort it: ${worstText(fleet?.worst ?? [], generation)}`),
    );
  const since = progress?.phase === "canary" ? progress.cleanSince : undefined;
  const when = `after ${settings.canaryMs / 1000} s without failures`;
  const from = since === undefined ? "" : `, counted from ${since}`;
  return underWay("Canary", say(`${how} ${when}${from}`));
}

/** Counts are in other fields: a message with changing numbers would be written all the time. */
const gapsText = "Not all calls were judged: see missed and unevaluated";

function isWithGaps(fleet: FleetPolicy | undefined): boolean {
  return fleet !== undefined && fleet.totals.missed + fleet.totals.unevaluated > 0;
}

/** What is not as it should be with the sets of a policy, and what holds meanwhile. */
function setsText(troubles: PolicyRollout["setTroubles"]): string {
  const texts = troubles.map(({ message, details }) =>
    details === undefined ? message : `${message}: ${details}`,
  );
  return `${listText(texts, 500)}. Nodes keep the version that they have, with the values that it has`;
}

const withSets = (text: string, troubles: PolicyRollout["setTroubles"]) =>
  troubles.length === 0 ? text : `${text}. ${setsText(troubles)}`;

/** Undefined if all sets are as they should be. One that is only being read needs nobody. */
function ofSets(troubles: PolicyRollout["setTroubles"], message: string): Verdicts | undefined {
  const has = (state: SetTrouble["state"]) => troubles.some((one) => one.state === state);
  const text = `${setsText(troubles)}. ${message}`;
  if (has("missing")) return stuck("SetMissing", text);
  if (has("wrong")) return stuck("SetInvalid", text);
  return has("unread") ? underWay("SetUnread", text) : undefined;
}

function everywhere(
  { settings, setTroubles }: PolicyRollout,
  nodes: NodesState,
  { hasGaps }: { readonly hasGaps: boolean },
): Verdicts {
  const { total, ready, states, worst, revision } = nodes;
  const counts = `Ready on ${ready} of ${plural(total, "node")}`;
  const missing = states.pending + states.disconnected;
  const why = withProblems(settings.problems, `${counts}${reasonsText(states)}`);
  const message = `${why}${worst.length === 0 ? "" : `. ${worstText(worst, revision)}`}`;
  const troubled = ofSets(setTroubles, message);
  if (troubled !== undefined) return troubled;
  const blown = worst.filter(hasBlownFuse);
  if (blown.length > 0) return stuck(fuseReason, `${blownText(blown)}. ${message}`);
  if (total === 0) {
    const none = yes("NoNodes", "It applies to no current node");
    return verdicts(none, none, "nothing");
  }
  const programmed =
    missing === 0
      ? yes("AllNodesAnswered", `All of ${plural(total, "node")} answered`)
      : no(missingReason(states), `${percentText(total - missing, total)} of the nodes answered`);
  const bad = badNodes(states);
  if (states.pending > 0) return verdicts(no("RollingOut", message), programmed, "reconciling");
  if (bad > 0) return verdicts(no(badReason(nodes), message), programmed, "stalled");
  if (states.disconnected > 0)
    return verdicts(no("NodesDisconnected", message), programmed, "reconciling");
  const fine = hasGaps
    ? yes("CallsNotJudged", `${message}. ${gapsText}`)
    : yes(states.degraded > 0 ? "NodesDegraded" : "AllNodesReady", message);
  return verdicts(fine, programmed, "nothing");
}

export const fuseReason = "FuseBlown";

/** The nodes are in the message anyway, with their reasons. */
function blownText(blown: readonly FleetNode[]): string {
  const more = blown.length === worstNodesLimit ? " and maybe others" : "";
  return `It only monitors on ${listText(
    blown.map(({ name }) => name),
    300,
  )}${more}, because its fuse is blown there; to enforce again, set the annotation ${rearmAnnotation} to the time`;
}

const badNodes = ({ refused, failed, unsupported }: FleetRevision["states"]) =>
  refused + failed + unsupported;

const missingReason = ({ pending }: FleetRevision["states"]) =>
  pending > 0 ? "NodesPending" : "NodesDisconnected";

function badReason({ states, total }: NodesState): string {
  if (states.failed > 0) return "NodesFailed";
  if (states.refused > 0) return "NodesRefused";
  return states.unsupported === total ? "UnsupportedEverywhere" : "NodesUnsupported";
}

const stateTexts: readonly (readonly [NodeState, string])[] = [
  ["failed", "failed"],
  ["refused", "refused"],
  ["unsupported", "unsupported"],
  ["degraded", "degraded"],
  ["disconnected", "disconnected"],
  ["pending", "pending"],
];

function reasonsText(states: FleetRevision["states"]): string {
  const parts = stateTexts.flatMap(([state, text]) =>
    states[state] > 0 ? `${states[state]} ${text}` : [],
  );
  return parts.length === 0 ? "" : `; ${parts.join(", ")}`;
}

/** Lists nodes with their reasons, up to the length limit. */
function worstText(worst: readonly FleetNode[], revision: number): string {
  return listText(
    worst.map(({ name, state, message, code, runningGeneration }) => {
      const hasReason = code === cannotStart || (state !== "pending" && state !== "disconnected");
      if (!hasReason) return `${name}: ${state}`;
      const still =
        runningGeneration === undefined || runningGeneration === revision
          ? ""
          : runningGeneration === 0
            ? ", nothing is in force there"
            : `, generation ${runningGeneration} stays in force`;
      return `${name}: ${state}, ${message}${code === "" ? "" : ` (${code})`}${still}`;
    }),
    700,
  );
}
