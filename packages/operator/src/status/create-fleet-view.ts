// SPDX-License-Identifier: Apache-2.0
import {
  type FleetSource,
  type FleetView,
  type FleetViewDeps,
  policyOnFleet,
} from "./fleet-view.ts";

/** The view with its current sources; sources are added and removed. */
export type WritableFleetView = FleetView & {
  /** Disposing removes the source, for example when a peer disconnects. */
  add(source: FleetSource): Disposable;
  /** Whether the node's sensor is connected to any replica. */
  isConnected(node: string): boolean;
  /** The resolver's shares changed, for all policies or one: no source reports that. */
  changed(uid?: string): void;
};

export function createFleetView(
  resolver: FleetViewDeps["resolver"] & { readonly policyUids: () => Iterable<string> },
): WritableFleetView {
  const sources = new Set<FleetSource>();
  const listeners = new Set<{ readonly call: (uid: string) => void }>();
  let isAllDue = false;
  const tell = (uid: string) => {
    for (const { call } of listeners) call(uid);
  };
  /** Sensors come and go by the thousand, and each concerns all policies: notify from time to time. */
  const tellAll = () => {
    if (isAllDue) return;
    isAllDue = true;
    setTimeout(() => {
      isAllDue = false;
      for (const uid of resolver.policyUids()) tell(uid);
    }, allDelayMs).unref();
  };
  const changed = (uid?: string) => (uid === undefined ? tellAll() : tell(uid));
  return {
    of: (uid) => policyOnFleet({ resolver, sources: () => sources }, uid),
    onChange(call) {
      const listener = { call };
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    add(source) {
      sources.add(source);
      const listening = source.onChange(changed);
      changed();
      return {
        [Symbol.dispose]() {
          listening[Symbol.dispose]();
          sources.delete(source);
          changed();
        },
      };
    },
    isConnected: (node) => sources.values().some((source) => source.has(node)),
    changed,
  };
}

const allDelayMs = 200;
