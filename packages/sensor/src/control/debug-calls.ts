// SPDX-License-Identifier: Apache-2.0
import type { LogLevel as BaseLogLevel } from "@gander/base";
import type {
  DumpProcessCacheReqArgs,
  GetDebugRequest,
  GetDebugResponse,
  LogLevel,
  ProcessInternal,
  SetDebugRequest,
  SetDebugResponse,
} from "@gander/proto";
import { plainProcess } from "../process/plain-process.ts";
import type { ProcessTable } from "../process/process-table.ts";
import { invalidArgument, unimplemented } from "./call-error.ts";

/** Reads and changes the log level. */
export type LogLevelControl = { get(): BaseLogLevel; set(level: BaseLogLevel): void };

const levels: Readonly<Record<LogLevel, BaseLogLevel>> = {
  LOG_LEVEL_PANIC: "error",
  LOG_LEVEL_FATAL: "error",
  LOG_LEVEL_ERROR: "error",
  LOG_LEVEL_WARN: "warn",
  LOG_LEVEL_INFO: "info",
  LOG_LEVEL_DEBUG: "debug",
  LOG_LEVEL_TRACE: "debug",
};

const levelNames: Readonly<Record<BaseLogLevel, LogLevel>> = {
  error: "LOG_LEVEL_ERROR",
  warn: "LOG_LEVEL_WARN",
  info: "LOG_LEVEL_INFO",
  debug: "LOG_LEVEL_DEBUG",
};

/** GetDebug and SetDebug: the log level, and the content of the process table. */
export function createDebugCalls(logLevel: LogLevelControl, processes: ProcessTable) {
  return {
    get({ flag = "CONFIG_FLAG_LOG_LEVEL", dump }: GetDebugRequest): GetDebugResponse {
      if (flag === "CONFIG_FLAG_DUMP_PROCESS_CACHE")
        return { flag, processes: { processes: dumpProcesses(processes, dump ?? {}) } };
      return { flag, level: levelNames[logLevel.get()] };
    },
    set({ flag = "CONFIG_FLAG_LOG_LEVEL", level }: SetDebugRequest): SetDebugResponse {
      if (flag !== "CONFIG_FLAG_LOG_LEVEL") throw unimplemented(`${flag} cannot be set`);
      if (level === undefined) throw invalidArgument("level: is missing");
      logLevel.set(levels[level]);
      return { flag, level: levelNames[logLevel.get()] };
    },
  };
}

function dumpProcesses(table: ProcessTable, options: DumpProcessCacheReqArgs): ProcessInternal[] {
  const { skip_zero_refcnt = false, exclude_execve_map_processes = false } = options;
  return [...table.entries()]
    .filter((entry) => !skip_zero_refcnt || entry.refcnt > 0)
    .filter((entry) => !exclude_execve_map_processes || !entry.alive)
    .map((entry) => ({
      process: plainProcess(entry, entry.pid),
      color: entry.alive ? "alive" : "ended",
      refcnt: entry.refcnt === 0 ? {} : { value: entry.refcnt },
      refcnt_ops: {
        ...(entry.alive && { process: 1 }),
        ...(entry.children > 0 && { children: entry.children }),
      },
    }));
}
