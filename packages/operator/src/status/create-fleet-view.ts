// SPDX-License-Identifier: Apache-2.0
import {
  type FleetSource,
  type FleetView,
  type FleetViewDeps,
  policyOnFleet,
} from "./fleet-view.ts";

/** The view, with the sources that there are now; those that come and go are put and removed. */
export type WritableFleetView = FleetView & {
  /** Disposing takes the source away again, as when a peer is gone. */
  add(source: FleetSource): Disposable;
  /** Whether the node's sensor is connected to any replica. */
  isConnected(node: string): boolean;
  /** What nodes are given changed, for all policies or one: of that no source knows. */
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
  /** Sensors come and go by the thousand, and each is for all policies: told once a while. */
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
