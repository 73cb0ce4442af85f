// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockInstance } from "./instance-lock.ts";

const LOCK = "lock";
let dir = "";

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gander-lock-"));
});
afterEach(() => rm(dir, { recursive: true }));

describe("lockInstance", () => {
  it("refuses a second holder, names the first, and lets go", async () => {
    {
      await using _held = await lockInstance(dir);
      await expect(lockInstance(dir)).rejects.toMatchObject({
        code: "sensor-already-running",
        message: `Cannot start: process ${process.pid} is already the sensor for ${dir}`,
      });
      await using _other = await lockInstance(join(dir, "other"));
    }
    expect(await readdir(dir)).toEqual(["other"]);
    await using _again = await lockInstance(dir);
  });

  it("takes over from a process that is gone", async () => {
    const child = spawn("true");
    await once(child, "exit");
    await symlink(`${child.pid} 1`, join(dir, LOCK));
    await using _held = await lockInstance(dir);
    expect(await readlink(join(dir, LOCK))).toMatch(new RegExp(`^${process.pid} \\d+$`));
  });

  it("does not mistake a process with the same pid for the holder", async () => {
    await symlink(`${process.pid} 1`, join(dir, LOCK));
    await using _held = await lockInstance(dir);
  });

  it.each(["nonsense", "-1 2", "1e99 3"])("takes over from a broken link %j", async (content) => {
    await symlink(content, join(dir, LOCK));
    await using _held = await lockInstance(dir);
  });

  it("removes what a process left that was killed while it took over, and no other's", async () => {
    for (const name of ["lock-999999999", `lock-${process.ppid}`, "lock-file"])
      await symlink("999999999 1", join(dir, name));
    await using _held = await lockInstance(dir);
    expect((await readdir(dir)).sort()).toEqual([LOCK, `lock-${process.ppid}`, "lock-file"].sort());
  });

  it("takes over from what is no link", async () => {
    await writeFile(join(dir, LOCK), "");
    await using _held = await lockInstance(dir);
    expect(await readdir(dir)).toEqual([LOCK]);
  });

  it("lets exactly one of many win, also over a stale file", async () => {
    await symlink("999999999 1", join(dir, LOCK));
    // One process would win against itself: its identity is the holder's.
    const script = `
      import { lockInstance } from ${JSON.stringify(join(import.meta.dirname, "instance-lock.ts"))};
      try { await lockInstance(process.argv[1]); console.log("won"); }
      catch (error) { console.log(error.code); }
      await new Promise(() => setInterval(() => {}, 1000));`;
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", script, dir]),
    );
    try {
      const answers = await Promise.all(
        children.map(async (child) => String((await once(child.stdout, "data"))[0]).trim()),
      );
      expect(answers.toSorted()).toEqual([...Array(5).fill("sensor-already-running"), "won"]);
    } finally {
      for (const child of children) child.kill("SIGKILL");
    }
  });
});
