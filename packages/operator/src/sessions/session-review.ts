// SPDX-License-Identifier: Apache-2.0
import type { JsonObject, Review } from "../admission/admission-review.ts";

export type SessionKind = "exec" | "attach" | "port-forward" | "ephemeral-container";

/** A request for a session in a pod, which the API server has authenticated and authorized. */
export type RequestedSession = {
  readonly kind: SessionKind;
  readonly namespace: string;
  /** The pod's name. */
  readonly pod: string;
  /** Empty: the pod has only one, or it is none's. */
  readonly container: string;
  /** The program and its arguments; only of `exec`. */
  readonly command: readonly string[];
  /** `command` is only the beginning. */
  readonly isCommandCut: boolean;
  readonly user: string;
  readonly groups: readonly string[];
  /** Of the review. */
  readonly uid: string;
};

/** Whoever requests a session chooses these texts, or an identity provider does: characters, and a number. */
const most = {
  name: 253,
  user: 512,
  group: 256,
  groups: 32,
  container: 253,
  command: 16_384,
  added: 32,
};

const connected: Readonly<Record<string, SessionKind>> = {
  exec: "exec",
  attach: "attach",
  portforward: "port-forward",
};

/**
 * The sessions that a review is about; none if it is of another kind, or a dry run. The options of CONNECT
 * are those of core/v1 (PodExecOptions and so on); an ephemeral container is one that the pod did not have.
 */
export function requestedSessions(review: Review): readonly RequestedSession[] {
  const { operation, resource, subresource, object = {}, oldObject, namespace, name } = review;
  const isName = (text: string) => text !== "" && text.length <= most.name;
  if (review.isDryRun || resource !== "pods" || !isName(namespace) || !isName(name)) return [];
  const common = {
    ...{ namespace, pod: name, uid: review.uid },
    user: cut(review.user, most.user),
    groups: review.groups.slice(0, most.groups).map((group) => cut(group, most.group)),
  };
  if (operation === "UPDATE" && subresource === "ephemeralcontainers") {
    const before = new Set(ephemeralNames(oldObject));
    return ephemeralNames(object)
      .filter((container) => !before.has(container))
      .slice(0, most.added)
      .map((container) => ({
        ...common,
        ...{ kind: "ephemeral-container", container, command: [], isCommandCut: false },
      }));
  }
  const kind = connected[subresource];
  if (operation !== "CONNECT" || kind === undefined) return [];
  const container = textOf(object.container).slice(0, most.container);
  return [{ ...common, kind, container, ...commandOf(kind === "exec" ? object.command : []) }];
}

function commandOf(value: unknown): Pick<RequestedSession, "command" | "isCommandCut"> {
  const all = Array.isArray(value) ? value.map(textOf) : [];
  const command: string[] = [];
  let room = most.command;
  for (const argument of all) {
    if (room <= 0) return { command, isCommandCut: true };
    command.push(argument.slice(0, room));
    room -= argument.length + 1;
  }
  return { command, isCommandCut: room < -1 };
}

function ephemeralNames(pod: JsonObject | undefined): readonly string[] {
  const { ephemeralContainers = [] } = objectOf(pod?.spec);
  if (!Array.isArray(ephemeralContainers)) return [];
  return ephemeralContainers
    .map((container: unknown) => textOf(objectOf(container).name))
    .filter((container) => container !== "" && container.length <= most.container);
}

/** Ends with … if it was longer, so that it passes for no other name. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

const objectOf = (value: unknown): JsonObject =>
  typeof value === "object" && value !== null ? (value as JsonObject) : {};
