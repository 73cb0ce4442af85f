// SPDX-License-Identifier: Apache-2.0
import type { ReplicaReport } from "@gander/proto/stream";
import { coalesce } from "../bundles/coalesce.ts";
import type { FleetView } from "../status/fleet-view.ts";
import { createReportMaker, type ReportDeps } from "./report-messages.ts";

export type ReporterDeps = ReportDeps & { readonly view: Pick<FleetView, "onChange"> };

export type Reporter = Disposable & {
  /** The way is open again. */
  resume(): void;
};

/** So often counts are looked at: they change without anybody being told. */
const countsMs = 1_000;

/**
 * Reports how it is, and then what changed. `send` gives false to be called no more until `resume`: a
 * report says how it is then, so nothing queues.
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
  // Also without nodes and policies: the holder counts this replica from its first report on.
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
