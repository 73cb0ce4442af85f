// SPDX-License-Identifier: Apache-2.0

export { readConfigurationFiles } from "./configuration/configuration-files.ts";
export type {
  ConfigurationTable,
  ForeignOption,
  Loaded,
  Options,
  Setting,
  Values,
} from "./configuration/configuration-table.ts";
export { defineConfiguration } from "./configuration/define-configuration.ts";
export { ownSetting } from "./configuration/find-option.ts";
export { parseDuration } from "./configuration/option.ts";
export type { ErrorCode } from "./error-codes.ts";
export { errorCodes } from "./error-codes.ts";
export type { GanderErrorDetails } from "./gander-error.ts";
export { GanderError } from "./gander-error.ts";
export type { Logger, LogLevel } from "./logger.ts";
export { createLogger } from "./logger.ts";
export { nearestName } from "./nearest-name.ts";
export type { Problem, Result, Severity } from "./problem.ts";
