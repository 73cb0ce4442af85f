// SPDX-License-Identifier: Apache-2.0
import type { SensorHub } from "../sensors/sensor-hub.ts";
import { EventRelay } from "./event-relay.ts";
import { type EventsCall, serveEvents } from "./sensor-events.ts";

export type SensorRelay = Disposable & {
  readonly relay: EventRelay;
  /** A sensor opened Events; its credentials are of `node`. */
  serve(call: EventsCall, node: string): void;
};

/** How often to ask sensors that should open Events and haven't. */
const askAgainMs = 1_000;

/** Relays events of the sensors connected here: their Events calls are open while there are readers. */
export function createSensorRelay(hub: Pick<SensorHub, "nodes" | "session">): SensorRelay {
  const relay = new EventRelay();
  const calls = new Map<string, () => void>();
  let timer: NodeJS.Timeout | undefined;
  const ask = () => {
    for (const node of hub.nodes) if (!calls.has(node)) hub.session(node)?.openEvents();
  };
  const endAll = () => {
    clearInterval(timer);
    timer = undefined;
    for (const end of [...calls.values()]) end();
  };
  relay.onWanted((wanted) => {
    if (wanted === "unwanted") {
      endAll();
      return;
    }
    ask();
    // Also asks sensors that connect later, or whose call broke.
    timer = setInterval(ask, askAgainMs);
  });
  return {
    relay,
    serve(call, node) {
      calls.get(node)?.();
      const end = serveEvents(relay, call, {
        node,
        onEnd: () => {
          if (calls.get(node) === end) calls.delete(node);
        },
      });
      calls.set(node, end);
      // The last reader has already left.
      if (!relay.isWanted) end();
    },
    [Symbol.dispose]: endAll,
  };
}
