#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import process from "node:process";
import { createLogger, GanderError } from "@gander/base";
import manifest from "../package.json" with { type: "json" };
import { operatorConfiguration } from "./configuration.ts";
import { createOperator } from "./operator.ts";
import { uninstall } from "./uninstall/uninstall.ts";

process.exitCode = await main();

async function main(): Promise<number> {
  const { stdout, stderr, env } = process;
  const loaded = operatorConfiguration.load({ argv: process.argv.slice(2), env });
  if (loaded.value === undefined) {
    for (const { message, hint } of loaded.problems)
      stderr.write(`error: ${message}${hint === "" ? "" : `\n  ${hint}`}\n`);
    stderr.write("See gander-operator --help.\n");
    return 2;
  }
  const { values } = loaded.value;
  if (values.help) {
    stdout.write(operatorConfiguration.help(stdout.columns ?? 100));
    return 0;
  }
  const logger = createLogger({ level: values.logLevel });
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  try {
    if (values.uninstall !== "no") {
      await uninstall(values, { logger, version: manifest.version, signal: stop.signal });
      return 0;
    }
    const operator = await createOperator(values, { logger, version: manifest.version });
    await operator.run({ signal: stop.signal });
    return 0;
  } catch (error) {
    logger.error("Operator ends", { error });
    if (!(error instanceof GanderError)) throw error;
    return 1;
  }
}
