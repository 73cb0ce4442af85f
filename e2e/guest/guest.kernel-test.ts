// SPDX-License-Identifier: Apache-2.0
// What every other kernel test relies on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { test } from "node:test";

const read = (path: string) => readFileSync(path, "utf8").trim();

test("the kernel has BTF and bpf is an active LSM", () => {
  assert.ok(statSync("/sys/kernel/btf/vmlinux").size > 1_000_000);
  assert.ok(read("/sys/kernel/security/lsm").split(",").includes("bpf"));
});

for (const [path, type] of [
  ["/sys/fs/cgroup", "cgroup2"],
  ["/sys/fs/bpf", "bpf"],
  ["/sys/kernel/tracing", "tracefs"],
  ["/sys/kernel/debug", "debugfs"],
  ["/sys/kernel/security", "securityfs"],
  ["/proc", "proc"],
  ["/tmp", "tmpfs"],
  ["/", "ext4"],
] as const) {
  test(`${path} is ${type}`, () => {
    const mounts = read("/proc/mounts")
      .split("\n")
      .map((line) => line.split(" "));
    assert.ok(mounts.some((fields) => fields[1] === path && fields[2] === type));
  });
}

test("/etc is writable and the repository is not", () => {
  writeFileSync("/etc/written", "x");
  assert.throws(() => writeFileSync("/gander/written", "x"), { code: "EROFS" });
});

test("loopback carries connections", async () => {
  const server = createServer((socket) => socket.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect(address.port, "127.0.0.1").setEncoding("utf8");
  let received = "";
  for await (const chunk of socket) received += chunk;
  server.close();
  assert.equal(received, "hello");
});

test("modules can be loaded by name, and a dummy interface be made", () => {
  execFileSync("modprobe", ["smc"]);
  assert.ok(existsSync("/sys/module/smc"));
  execFileSync("ip", ["link", "add", "d0", "type", "dummy"]);
});

test("gander and node are on PATH", () => {
  assert.match(process.version, /^v24\./);
  assert.ok(execFileSync("sh", ["-c", "command -v gander"]).length > 0);
});

test("there is an ordinary user", () => {
  assert.match(
    execFileSync("su", ["user", "-c", "id; touch ~/mine"], { encoding: "utf8" }),
    /1000\(user\)/,
  );
});
