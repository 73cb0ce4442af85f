// SPDX-License-Identifier: Apache-2.0
import type { Election, ReflectorState } from "@gander/kube";
import type { SensorHub } from "../sensors/sensor-hub.ts";
import type { Resolver } from "../workloads/resolver.ts";
import type { OperatorCollector } from "./operator-metrics.ts";

type CoreCollectorDeps = {
  readonly election: Pick<Election, "permit">;
  readonly hub: Pick<SensorHub, "connected">;
  readonly resolver: Pick<Resolver, "size">;
  /** State of each watch, by plural name. */
  readonly watches: () => Iterable<readonly [string, WatchState]>;
};

type WatchState = Pick<ReflectorState, "synced" | "sinceContactMs" | "restarts">;

/** The leader, connected sensors, the known part of the cluster, and how old it may be. */
export function createCoreCollector({
  election,
  hub,
  resolver,
  watches,
}: CoreCollectorDeps): OperatorCollector {
  return (report) => {
    report("gander_operator_leader", election.permit() === undefined ? 0 : 1);
    report("gander_operator_sensors_connected", hub.connected);
    for (const [kind, count] of Object.entries(resolver.size))
      report("gander_operator_objects", count, { kind });
    for (const [resource, { synced, sinceContactMs, restarts }] of watches()) {
      report("gander_kube_watch_synced", synced ? 1 : 0, { resource });
      if (Number.isFinite(sinceContactMs))
        report("gander_kube_watch_silence_seconds", sinceContactMs / 1000, { resource });
      for (const [cause, count] of Object.entries(restarts))
        report("gander_kube_watch_restarts_total", count, { resource, cause });
    }
  };
}
