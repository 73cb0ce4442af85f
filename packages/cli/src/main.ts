#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import process from "node:process";
import { runCli } from "./cli.ts";

// Of libraries, such as for an IP address in a certificate: nothing that a user could act on.
process.noDeprecation = true;
const stop = new AbortController();
const abort = () => stop.abort();
let isAsked = false;
// Node's own answer would be a debugger's port (see scripts/install), the system's the end.
process.on("SIGUSR1", () => {});
// `gander events | head` is not an error: the closed pipe tells the writer to stop.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  stop.abort();
});
const { stdin, stdout, stderr, env } = process;
process.exitCode = await runCli(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  // A command that waits asks for it. All others are ended by a signal as any program is, also in the
  // middle of a computation, where no handler would run.
  get signal() {
    if (!isAsked) for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, abort);
    isAsked = true;
    return stop.signal;
  },
});
