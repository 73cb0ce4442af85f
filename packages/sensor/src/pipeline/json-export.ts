// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Logger } from "@gander/base";
import type { SensorConfiguration } from "../configuration/configuration.ts";
import type { LineSink } from "../export/chunk-writer.ts";
import { createDescriptorSink } from "../export/descriptor-sink.ts";
import { createFileSink, type FileSink } from "../export/file-sink.ts";
import { createJsonExporter, type ExportCounters } from "../export/json-exporter.ts";
import type { EventPipeline } from "./event-pipeline.ts";
import type { EventSettings } from "./event-settings.ts";

export type JsonExport = AsyncDisposable & {
  /** Starts a new file, if it exports to one. */
  rotate(): void;
  counters(): ExportCounters | undefined;
};

const STANDARD_OUTPUT = 1;
const megabyte = 1024 * 1024;

/**
 * Exports events to the configured file; without a file name nowhere. Throws a GanderError if the file can't
 * be written.
 */
export async function createJsonExport(
  events: EventPipeline["events"],
  configuration: SensorConfiguration,
  { wants, view }: Pick<EventSettings, "wants" | "view">,
  logger: Logger,
): Promise<JsonExport> {
  const { exportFilename: file, exportRateLimit } = configuration;
  if (file === "") {
    return { rotate: () => {}, counters: () => undefined, [Symbol.asyncDispose]: async () => {} };
  }
  const sink = file === "-" ? undefined : createConfiguredFile(configuration, logger);
  if (sink !== undefined) await openNow(sink, file);
  const target: LineSink = sink ?? createDescriptorSink(STANDARD_OUTPUT);
  const exporter = createJsonExporter(target, {
    wants,
    view,
    ratePerMinute: exportRateLimit,
    mark: events.markLine,
    onTrouble: (error) => logger.error("Events cannot be exported", { file, error }),
    onRecovery: () => logger.info("Events are exported again", { file, ...exporter.counters() }),
  });
  const remove = events.addLines(exporter);
  return {
    rotate: () => sink?.rotate(),
    counters: () => exporter.counters(),
    async [Symbol.asyncDispose]() {
      remove();
      await exporter.close();
    },
  };
}

async function openNow(sink: FileSink, path: string): Promise<void> {
  try {
    await sink.open();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new GanderError(
      "configuration-bad-value",
      `Cannot write the export file ${path}: ${why}`,
      {
        hint: "Correct --export-filename, or the permissions of its directory.",
        cause: error,
      },
    );
  }
}

function createConfiguredFile(configuration: SensorConfiguration, logger: Logger) {
  const path = configuration.exportFilename;
  return createFileSink({
    path,
    maxBytes: configuration.exportFileMaxSizeMb * megabyte,
    maxAgeMs: configuration.exportFileRotationInterval,
    maxBackups: configuration.exportFileMaxBackups,
    compress: configuration.exportFileCompress,
    mode: Number.parseInt(configuration.exportFilePerm, 8),
    onHousekeepingError: (error) =>
      logger.warn("Old export files cannot be removed", { path, error }),
  });
}
