#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A Node service answers requests; it starts programs and shells, threads and child processes.
set -euo pipefail

cat > /tmp/service.mjs <<'J'
import { exec, execFileSync, fork, spawn } from "node:child_process";
import { createReadStream, mkdtempSync, watch, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createGzip } from "node:zlib";

if (process.send) {
  process.on("message", (number) => process.send(number * 2, () => process.disconnect()));
} else {
  const folder = mkdtempSync("/volume/service-");
  writeFileSync(`${folder}/page`, "page\n".repeat(1000));
  const server = createServer((request, response) => {
    if (request.url === "/page") return void createReadStream(`${folder}/page`).pipe(response);
    exec("echo from a shell | tr a-z A-Z", (error, stdout) => response.end(error?.message ?? stdout));
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const fetched = (path) =>
    new Promise((done, failed) =>
      get({ port: server.address().port, path }, async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        done(text);
      }).on("error", failed),
    );
  console.log((await fetched("/page")).length, (await fetched("/shell")).trim());
  console.log((await promisify(exec)("id -u")).stdout.trim());
  console.log(execFileSync("/bin/sh", ["-c", "cat"], { input: "given to a shell" }).toString());
  const interactive = spawn("/bin/bash", ["-i"], { stdio: "pipe" });
  interactive.stdin.end("echo of a shell with pipes; exit\n");
  let shell = "";
  for await (const chunk of interactive.stdout) shell += chunk;
  console.log(shell.trim());
  const child = fork(import.meta.filename);
  child.send(21);
  console.log(await new Promise((done) => child.on("message", done)));
  const worker = new Worker("require('node:worker_threads').parentPort.postMessage('from a thread')", { eval: true });
  console.log(await new Promise((done) => worker.on("message", done)));
  watch(folder).close();
  await pipeline(createReadStream(`${folder}/page`), createGzip(), async (source) => {
    let size = 0;
    for await (const chunk of source) size += chunk.length;
    console.log(size > 0);
  });
  server.close();
}
J
node /tmp/service.mjs
