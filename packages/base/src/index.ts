// SPDX-License-Identifier: Apache-2.0

export type { ConfigurationFiles } from "./configuration/configuration-files.ts";
export { readConfigurationFiles } from "./configuration/configuration-files.ts";
export type {
  ConfigurationSources,
  ConfigurationTable,
  Loaded,
  Options,
  Positionals,
  Setting,
  Values,
} from "./configuration/configuration-table.ts";
export type { Configuration } from "./configuration/define-configuration.ts";
export { defineConfiguration } from "./configuration/define-configuration.ts";
export type { Option } from "./configuration/option.ts";
export { parseDuration, parseSize } from "./configuration/option.ts";
export type { ErrorArea, ErrorCode, ErrorDescription } from "./error-codes.ts";
export { errorCodes } from "./error-codes.ts";
export type { GanderErrorDetails } from "./gander-error.ts";
export { GanderError } from "./gander-error.ts";
export type { LogFields, Logger, LoggerOptions, LogLevel } from "./logger.ts";
export { createLogger } from "./logger.ts";
export { nearestName } from "./nearest-name.ts";
export type { Problem, Result, Severity } from "./problem.ts";
