// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { HeldFile } from "./held-file.ts";

const root = mkdtempSync(join(tmpdir(), "held-"));
afterAll(() => rmSync(root, { recursive: true }));
mkdirSync(join(root, "bin"));
writeFileSync(join(root, "bin/tool"), "");
symlinkSync("/bin/tool", join(root, "absolute"));
symlinkSync("../../../../bin/tool", join(root, "bin/upwards"));
symlinkSync("/proc/self/exe", join(root, "outside"));
execFileSync("mkfifo", [join(root, "fifo")]);

it.each(["/bin/tool", "/absolute", "/bin/upwards", "/../bin/tool"])(
  "finds %s below the root",
  async (path) => {
    using file = await HeldFile.hold(root, path);
    expect(readlinkSync(`/proc/self/fd/${file.number}`)).toBe(join(root, "bin/tool"));
  },
);

it.each([
  ["/nothing", "ENOENT"],
  ["/outside", "ENOENT"],
  ["/bin", "EINVAL"],
  ["/fifo", "EINVAL"],
  ["/bin/tool/x", "ENOTDIR"],
])("does not hold %s", async (path, code) => {
  await expect(HeldFile.hold(root, path)).rejects.toMatchObject({ code });
});

it("follows no link of /proc to somebody's file", async () => {
  await expect(HeldFile.hold("/", "/proc/self/exe")).rejects.toMatchObject({ code: "ELOOP" });
});
