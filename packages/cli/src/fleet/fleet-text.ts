// SPDX-License-Identifier: Apache-2.0
import type {
  FleetException,
  FleetPolicy,
  FleetStatus,
  PolicyCounts,
  PolicyNode,
} from "@gander/proto/stream";
import { quote, quoteSentence } from "../events/quote.ts";
import { describeGaps } from "../judging-gaps.ts";
import { textTable } from "../text-table.ts";
import type { Coverage } from "./fleet-client.ts";

/** Whether every node has its sensor, and every policy is in force wherever it applies. */
export function isFleetReady(status: FleetStatus): boolean {
  const { nodes = 0, connected = 0, policies = 0, ready = 0 } = status;
  return connected === nodes && ready === policies;
}

/** `gander status` for a cluster. */
export function describeFleet(status: FleetStatus): string {
  const { nodes = 0, connected = 0, disconnected = [], unknown = 0, policies = 0 } = status;
  const { ready = 0, replicas = [], operator_version: version = "" } = status;
  const { start_problems: problems = [] } = status;
  const away = nodes - connected;
  const more = away - disconnected.length;
  return [
    `${isFleetReady(status) ? "ready" : "not ready"}: operator ${quote(version)}`,
    `nodes: ${connected} of ${nodes} have a connected sensor`,
    ...(away === 0
      ? []
      : [`without: ${disconnected.map(quote).join(", ")}${more > 0 ? `, and ${more} more` : ""}`]),
    ...problems.flatMap(({ node = "", problem = "" }) =>
      problem.split("\n").map((line) => `${quote(node)} cannot start: ${quoteSentence(line)}`),
    ),
    ...(unknown === 0 ? [] : [`sensors of nodes that the cluster doesn't have: ${unknown}`]),
    `policies: ${ready} of ${policies} in force on every node that they apply to${ready < policies ? " (gander policy list --operator shows which are not)" : ""}`,
    ...replicas.map(
      ({ identity = "", holds_lease: holds, sensors = 0 }) =>
        `replica ${quote(identity.split("_")[0] ?? "")}: ${sensors} sensors${holds ? ", writes status" : ""}`,
    ),
  ].join("\n");
}

const policyHeader = ["NAME", "NAMESPACE", "GENERATION", "MODE", "READY"];
const countHeader = ["HITS", "ENFORCED", "EVENTS", "FILTERED", "SUPPRESSED", "LOST", "UNJUDGED"];

/** All policies, and for those that aren't ready why. */
export function describePolicies(
  policies: readonly FleetPolicy[],
  width: number | undefined,
): string {
  if (policies.length === 0) return "No policies. Add one: kubectl apply -f FILE";
  const header = [...policyHeader, ...countHeader];
  const { text, leftOut } = textTable(header, policies.map(policyRow), {
    right: ["GENERATION", "READY", ...countHeader],
    width,
    dispensable: ["NAMESPACE", "SUPPRESSED", "UNJUDGED", "FILTERED", "EVENTS", "MODE"],
  });
  const notes = policies.flatMap((policy) =>
    [...problemsOf(policy, 3), ...(policy.exceptions ?? []).map(exceptionLine)].map(
      (line) => `${keyOf(policy)}: ${line}`,
    ),
  );
  if (leftOut.length > 0)
    notes.push(`No room for ${leftOut.join(", ")}: use a wider terminal, or -o json.`);
  return notes.length === 0 ? text : `${text}\n\n${notes.join("\n")}`;
}

/** One policy, with its worst nodes. */
export function describePolicy(policy: FleetPolicy): string {
  const { mode = "", generation = "0", nodes = 0, ready = 0, states = [], counts = {} } = policy;
  const { hits = "0", enforced = "0", emitted = "0" } = counts;
  const { filtered = "0", suppressed = "0", lost = "0" } = counts;
  const others = states.filter(({ state }) => state !== "NODE_STATE_READY");
  const inForce = nodes > 0 && ready === nodes && (policy.problems ?? []).length === 0;
  return [
    `${keyOf(policy)}: generation ${generation}${mode === "" ? "" : `, mode ${mode}`}`,
    nodes === 0
      ? "applies to no node"
      : `${inForce ? "in force" : "not in force everywhere"}: ready on ${ready} of ${nodes} nodes${others.length === 0 ? "" : ` (${others.map(({ state, nodes: count = 0 }) => `${count} ${stateName(state)}`).join(", ")})`}`,
    `hits: ${hits} (${emitted} events, ${filtered} filtered out, ${suppressed} suppressed, ${lost} lost), ${enforced} enforced`,
    ...gapLines(counts),
    ...revisionLines(policy),
    ...(policy.exceptions ?? []).map(exceptionLine),
    ...problemsOf(policy, 10),
  ].join("\n");
}

function exceptionLine({ state = "", expires = "", message = "", hits, ...key }: FleetException) {
  const end = expires === "" ? "" : `${state === "expired" ? " at" : ", until"} ${quote(expires)}`;
  const why = message === "" ? "" : `: ${quoteSentence(message)}`;
  return `exception ${keyOf(key)}: ${quote(state)}${end}, ${hits ?? "0"} calls excepted${why}`;
}

/** Worst first. */
const stateOrder = ["refused", "failed", "unsupported", "disconnected", "pending", "degraded"];

const byName = new Intl.Collator("en", { numeric: true });

function byState(a: PolicyNode, b: PolicyNode): number {
  const place = ({ state }: PolicyNode) => {
    const at = stateOrder.indexOf(stateName(state));
    return at === -1 ? stateOrder.length : at;
  };
  return place(a) - place(b) || byName.compare(a.node ?? "", b.node ?? "");
}

/** All nodes of a policy, those where it isn't in force first. */
export function describeNodes(nodes: readonly PolicyNode[], width: number | undefined): string {
  if (nodes.length === 0) return "No node gets this policy.";
  const header = ["NODE", "STATE", "GENERATION", "HITS", "ENFORCED", "LOST", "UNJUDGED", "REASON"];
  const { text } = textTable(header, [...nodes].sort(byState).map(nodeRow), {
    right: ["GENERATION", "HITS", "ENFORCED", "LOST", "UNJUDGED"],
    width,
    dispensable: ["LOST", "UNJUDGED", "GENERATION", "ENFORCED", "HITS"],
  });
  return text;
}

function policyRow(policy: FleetPolicy): readonly string[] {
  const { name = "", namespace = "", generation = "0", mode = "-", nodes = 0, ready = 0 } = policy;
  const { hits = "0", enforced = "0", emitted = "0" } = policy.counts ?? {};
  const { filtered = "0", suppressed = "0", lost = "0" } = policy.counts ?? {};
  return [
    ...[quote(name), quote(namespace) || "-", generation, mode, `${ready}/${nodes}`],
    ...[hits, enforced, emitted, filtered, suppressed, lost, unjudged(policy.counts)],
  ];
}

function nodeRow({ node = "", state, running_generation, counts = {}, ...more }: PolicyNode) {
  const { code = "", message = "" } = more;
  const { hits = "0", enforced = "0", lost = "0" } = counts;
  const reason = code === "" ? "" : `${quoteSentence(code)}: ${quoteSentence(message)}`;
  const isGone = running_generation === undefined || running_generation === "0";
  return [
    ...[quote(node), stateName(state), isGone ? "-" : running_generation],
    ...[hits, enforced, lost, unjudged(counts), reason],
  ];
}

/** Why it isn't in force everywhere: a line for each reason, with the first of the nodes it holds for. */
function problemsOf(
  { problems = [], worst = [], states = [] }: FleetPolicy,
  shownNodes: number,
): readonly string[] {
  const groups = Map.groupBy(worst, ({ state, code, message }) => `${state} ${code} ${message}`);
  const lines = [...groups.values()].map((nodes) => {
    const [{ state, code = "", message = "" } = {}] = nodes;
    // Only the ten worst are reported: if a state has several reasons, the count of each is unknown.
    const isOnly = nodes.length === worst.filter((one) => one.state === state).length;
    const count = states.find((one) => one.state === state)?.nodes ?? 0;
    const names = nodes.slice(0, shownNodes).map(({ node = "" }) => quote(node));
    const more = (isOnly ? Math.max(count, nodes.length) : nodes.length) - names.length;
    const where = `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    return `${stateName(state)} on ${where}: ${quoteSentence(message)} (${quoteSentence(code)})`;
  });
  return [...problems.map((line) => quoteSentence(line)), ...lines];
}

function revisionLines({ revisions = [] }: FleetPolicy): readonly string[] {
  if (revisions.length < 2) return [];
  return revisions.map(
    ({ generation = "0", ready = 0, nodes = 0 }) =>
      `generation ${generation}: ready on ${ready} of the ${nodes} nodes that have been sent it`,
  );
}

/** Calls that no program judged, for whatever cause. */
function unjudged({ unevaluated = "0", missed = "0" }: PolicyCounts = {}): string {
  return String(BigInt(unevaluated) + BigInt(missed));
}

function gapLines({ unevaluated = "0", missed = "0", unknown = "0" }: PolicyCounts) {
  const gaps = {
    missed: Number(missed),
    unevaluated: Number(unevaluated),
    unknown: Number(unknown),
  };
  return Object.values(gaps).some((count) => count > 0) ? [describeGaps(gaps)] : [];
}

const stateName = (state: string | undefined) =>
  (state ?? "").replace("NODE_STATE_", "").toLowerCase();

const keyOf = ({ name = "", namespace = "" }: Pick<FleetPolicy, "name" | "namespace">) =>
  namespace === "" ? quote(name) : `${quote(namespace)}/${quote(name)}`;

/** Which sensors send events when a command begins; empty if all of them do. */
export function coverageText({ watching, refused, connected }: Coverage): string {
  const late = connected - watching - refused;
  if (watching >= connected) return "";
  return [
    `${watching} of ${connected} sensors send events`,
    ...(refused === 0 ? [] : [`${refused} can't filter as you ask`]),
    ...(late <= 0 ? [] : [`${late} have not answered yet, and send theirs as soon as they do`]),
  ].join("; ");
}
