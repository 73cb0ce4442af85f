// SPDX-License-Identifier: Apache-2.0
import type { ReplicaReport } from "@gander/proto/stream";
import { coalesce } from "../bundles/coalesce.ts";
import type { FleetView } from "../status/fleet-view.ts";
import { createReportMaker, type ReportDeps } from "./report-messages.ts";

type ReporterDeps = ReportDeps & { readonly view: Pick<FleetView, "onChange"> };

type Reporter = Disposable & {
  /** The stream accepts data again. */
  resume(): void;
};

/** How often to check counts: their changes cause no notification. */
const countsMs = 1_000;

/**
 * Reports the whole state, then its changes. `send` returns false to get no more calls until `resume`: a
 * report describes the state at that time, so nothing queues.
 */
export function startReporter(
  send: (report: ReplicaReport) => boolean,
  { hub, resolver, view }: ReporterDeps,
): Reporter {
  const makeReports = createReportMaker({ hub, resolver });
  let isBlocked = false;
  let isDue = false;
  const sendAll = (reports: readonly ReplicaReport[]) => {
    for (const report of reports) isBlocked = !send(report);
  };
  const first = makeReports();
  // Even without nodes and policies: the holder counts this replica from its first report on.
  sendAll(first.length === 0 ? [{}] : first);
  const tell = () => {
    isDue = isBlocked;
    if (!isBlocked) sendAll(makeReports());
  };
  const gather = coalesce<"change">(tell, { quietMs: 50, maxMs: 200 });
  const note = () => gather.add(["change"]);
  const listening = [hub.onChange(note), view.onChange(note)];
  const timer = setInterval(note, countsMs);
  return {
    resume() {
      isBlocked = false;
      if (isDue) note();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      for (const one of listening) one[Symbol.dispose]();
      gather.close();
    },
  };
}
