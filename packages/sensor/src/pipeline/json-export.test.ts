// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@gander/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SensorConfiguration } from "../configuration/configuration.ts";
import { createSensorEvent } from "../events/sensor-event.ts";
import { ProcessTable } from "../process/process-table.ts";
import { noWorkload } from "../workload/workload.ts";
import { createEventPublisher } from "./event-publisher.ts";
import { eventSettings } from "./event-settings.ts";
import { createJsonExport } from "./json-export.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gander-export-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const configuration = (exportFilename: string) =>
  ({ ...defaults, exportFilename }) as unknown as SensorConfiguration;

const defaults = {
  exportFileMaxSizeMb: 10,
  exportFileRotationInterval: 0,
  exportFileMaxBackups: 5,
  exportFileCompress: false,
  exportFilePerm: "600",
  exportRateLimit: -1,
};

describe("export", () => {
  const logger = createLogger({ write: () => {} });
  const table = new ProcessTable({
    nodeName: "n",
    maxEntries: 1024,
    wallTime: () => ({ seconds: 1, nanos: 0 }),
  });
  const image = {
    startLow: 1,
    startHigh: 0,
    uid: 0,
    auid: 0,
    cwd: "/",
    arguments: "",
    flags: 1,
    workload: noWorkload,
  };
  const process = table.add(
    { ...image, pid: 5, binary: "/bin/a" },
    { pid: 0, startLow: 0, startHigh: 0 },
  );

  it("writes the events that are wanted, with the fields that are wanted", async () => {
    const events = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
    const filters = eventSettings({
      exportAllowlist: [],
      exportDenylist: ['{"event_set":["PROCESS_EXIT"]}'],
      fieldFilters: ['{"fields":"process.binary,process.pid"}'],
      redactionFilters: [],
      enableProcessCred: false,
    });
    const exportFilename = join(folder, "a.json");
    const exported = await createJsonExport(events, configuration(exportFilename), filters, logger);
    expect(readFileSync(exportFilename, "utf8")).toBe("");
    for (const kind of [1, 5, 1] as const)
      events.publish({ ...createSensorEvent(), kind, process, seconds: 1 });
    events.missing(4);
    await exported[Symbol.asyncDispose]();
    const lines = readFileSync(exportFilename, "utf8").trim().split("\n");
    const exec =
      '{"process_exec":{"process":{"pid":5,"binary":"/bin/a"}},"node_name":"n","time":"1970-01-01T00:00:01Z"}';
    expect(lines.slice(0, 2)).toEqual([exec, exec]);
    expect(lines[2]).toMatch(
      /^\{"rate_limit_info":\{"number_of_dropped_process_events":"4"\},"node_name":"n","time":/,
    );
    expect(exported.counters()).toMatchObject({ written: 2, dropped: 0 });
  });

  it("keeps the event that a mark goes before", () => {
    const events = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
    const seen: string[] = [];
    events.addLines({
      wants: () => true,
      view: undefined,
      accepts: () => true,
      missing: () => {},
      flush: () => {},
      behind: () => undefined,
      line({ bytes, length }) {
        seen.push(events.markLine(7).toString(), bytes.toString("utf8", 0, length));
      },
    });
    events.publish({ ...createSensorEvent(), kind: 1, process, seconds: 1 });
    expect(seen[0]).toContain('"number_of_dropped_process_events":"7"');
    expect(seen[1]).toContain('"process_exec"');
  });

  it("begins a new file when it is told", async () => {
    const events = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
    const exportFilename = join(folder, "b", "b.json");
    const all = { wants: () => true, view: undefined };
    const exported = await createJsonExport(events, configuration(exportFilename), all, logger);
    const publish = async () => {
      events.publish({ ...createSensorEvent(), process, seconds: 1 });
      events.flush();
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await publish();
    await exported.rotate();
    await publish();
    await exported[Symbol.asyncDispose]();
    expect(readdirSync(join(folder, "b")).length).toBe(2);
  });

  it("says so at once when the file cannot be had", async () => {
    const events = createEventPublisher({ nodeName: "n", clusterName: "", nodeLabels: {} });
    writeFileSync(join(folder, "file"), "");
    const exportFilename = join(folder, "file", "x.json");
    const all = { wants: () => true, view: undefined };
    await expect(
      createJsonExport(events, configuration(exportFilename), all, logger),
    ).rejects.toThrow(/Cannot write the export file .*x\.json: ENOTDIR|EEXIST/);
  });
});
