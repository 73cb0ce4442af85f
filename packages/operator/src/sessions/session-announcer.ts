// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { SessionAnnouncement } from "@gander/proto/stream";
import type { Review } from "../admission/admission-review.ts";
import { messageBudget } from "../sensors/message-budget.ts";
import type { Resolver } from "../workloads/resolver.ts";
import type { SessionCounts, SessionResult } from "./session-counts.ts";
import { type RequestedSession, requestedSessions } from "./session-review.ts";

/** Sends it to the sensor of the node, whichever replica that is connected to. Returns at once. */
export type AnnounceSession = (node: string, announcement: SessionAnnouncement) => SessionResult;

type SessionAnnouncerDeps = {
  readonly resolver: Pick<Resolver, "podNamed">;
  readonly announce: AnnounceSession;
  readonly counts: SessionCounts;
  readonly logger: Logger;
  /** Monotonic milliseconds; performance.now if absent. */
  readonly now?: () => number;
};

/** Notes who requests sessions in pods. */
export type SessionAnnouncer = {
  /** Never fails and waits for nothing: the API server waits for it. */
  note(review: Review): void;
};

/** Whoever may execute commands in one pod must not keep a replica busy. */
const budget = { burst: 200, perSecond: 50 };

/** Announces requested commands and ephemeral containers to the sensor of the pod's node; logs the others. */
export function createSessionAnnouncer({
  resolver,
  announce,
  counts,
  logger,
  now = () => performance.now(),
}: SessionAnnouncerDeps): SessionAnnouncer {
  const mayAnnounce = messageBudget(budget, now);
  const resultOf = (session: RequestedSession): SessionResult => {
    if (!mayAnnounce()) return "dropped";
    const { kind, namespace, pod: name, container, user, groups, uid: request } = session;
    // They start no process in a container by which they could be recognized.
    if (kind === "attach" || kind === "port-forward") {
      logger.info("A user requested a session", {
        ...{ kind, namespace, pod: name, container, user, groups, request },
      });
      return "noted";
    }
    const pod = resolver.podNamed(namespace, name);
    if (pod === undefined) return "unknown-pod";
    return announce(pod.node.name, announcementOf(session, pod.uid));
  };
  return {
    note(review) {
      for (const session of requestedSessions(review)) counts.add(session.kind, resultOf(session));
    },
  };
}

function announcementOf(session: RequestedSession, pod: string): SessionAnnouncement {
  const { kind, container, command, isCommandCut, user, groups, uid } = session;
  return {
    ...{ kind, pod, container, command: [...command], user, groups: [...groups] },
    ...(isCommandCut && { command_cut: true }),
    request_uid: uid,
  };
}
