// SPDX-License-Identifier: Apache-2.0
import type { NodeSession } from "@gander/proto/stream";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import type { AnnounceSession } from "../sessions/session-announcer.ts";
import type { SessionResult } from "../sessions/session-counts.ts";

type Announces = { readonly announce: AnnounceSession };

type SessionRoutesDeps = {
  readonly hub: Pick<SensorHub, "session">;
  /** To the holder of the Lease; undefined if this replica, or none, holds it. */
  readonly holder: () => Announces | undefined;
  /** Those that report to this replica. */
  readonly replicas: () => Announces;
  /** A session that another replica passed on, and what became of it here. */
  readonly passedOn: (kind: string, result: SessionResult) => void;
};

/**
 * The way of an announcement to the sensor of its node: at this replica, else through the holder of the
 * Lease, which knows each sensor's replica. So it takes at most two steps, on streams that are open anyway.
 */
export type SessionRoutes = Announces & {
  /** As the holder: from a replica that was asked. */
  fromReplica(session: NodeSession): void;
  /** From the holder. */
  fromHolder(session: NodeSession): void;
};

export function createSessionRoutes(deps: SessionRoutesDeps): SessionRoutes {
  const { hub, holder, replicas, passedOn } = deps;
  const here: AnnounceSession = (node, session) =>
    hub.session(node)?.announce(session) ?? "no-sensor";
  const atHolder: AnnounceSession = (node, session) =>
    hub.session(node)?.announce(session) ?? replicas().announce(node, session);
  const receive = ({ node = "", session = {} }: NodeSession, announce: AnnounceSession) =>
    passedOn(session.kind ?? "", announce(node, session));
  return {
    announce: (node, session) =>
      hub.session(node)?.announce(session) ?? (holder() ?? replicas()).announce(node, session),
    fromReplica: (session) => receive(session, atHolder),
    fromHolder: (session) => receive(session, here),
  };
}
