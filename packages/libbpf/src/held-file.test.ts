// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
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

it("has another version when its content is changed, and the path of the file itself", async () => {
  using first = await HeldFile.hold(root, "/absolute");
  expect(first.path).toBe(join(root, "bin/tool"));
  using same = await HeldFile.hold(root, "/bin/tool");
  expect(same.version).toBe(first.version);
  appendFileSync(join(root, "bin/tool"), "x");
  using changed = await HeldFile.hold(root, "/bin/tool");
  expect(changed.version).not.toBe(first.version);
});

/** Only root can give files to users. */
describe.skipIf(process.getuid?.() !== 0)("links and folders of users", () => {
  const user = 1000;
  const at = (path: string) => join(root, "home", path);
  for (const path of ["", "lib", "other"]) mkdirSync(at(path));
  writeFileSync(at("lib/own.so"), "");
  writeFileSync(at("lib/roots.so"), "");
  for (const path of ["", "lib", "lib/own.so"]) chownSync(at(path), user, user);
  mkdirSync(join(root, "shared"));
  chmodSync(join(root, "shared"), 0o1777);
  writeFileSync(join(root, "libc.so"), "");
  const link = (target: string, path: string, owner = user) => {
    symlinkSync(target, join(root, path));
    lchownSync(join(root, path), owner, owner);
  };
  link("own.so", "home/lib/to-own.so");
  link("/libc.so", "home/lib/to-libc.so");
  link("/libc.so", "home/lib/by-root.so", 0);
  link("lib/to-libc.so", "home/twice.so", 0);
  link("../..", "home/lib/to-folder");
  link("to-own.so", "home/lib/by-another.so", 1001);
  link("/libc.so", "shared/to-libc.so");
  linkSync(join(root, "libc.so"), at("lib/further.so"));
  linkSync(join(root, "libc.so"), join(root, "shared/further.so"));
  linkSync(join(root, "libc.so"), join(root, "bin/further.so"));
  linkSync(at("lib/own.so"), at("lib/own-further.so"));
  link("/libc.so", "alternative", 0);
  linkSync(join(root, "alternative"), at("lib/further-link.so"));

  const own = (path: string) => HeldFile.hold(root, path, { links: "own" });

  it.each([
    ["/home/lib/to-own.so", "home/lib/own.so"],
    ["/home/lib/by-root.so", "libc.so"],
    ["/home/lib/roots.so", "home/lib/roots.so"],
    ["/home/lib/own-further.so", "home/lib/own-further.so"],
    ["/bin/further.so", "bin/further.so"],
  ])("%s leads where its user may lead", async (path, file) => {
    using held = await own(path);
    expect(held.path).toBe(join(root, file));
  });

  it.each([
    [
      "/home/lib/to-libc.so",
      "the link ROOT/home/lib/to-libc.so belongs to user 1000 and leads to ROOT/libc.so, a file of root",
    ],
    [
      "/home/twice.so",
      "the link ROOT/home/lib/to-libc.so belongs to user 1000 and leads to ROOT/libc.so, a file of root",
    ],
    [
      "/home/lib/to-folder/libc.so",
      "the link ROOT/home/lib/to-folder belongs to user 1000 and leads to ROOT/libc.so, a file of root",
    ],
    [
      "/home/lib/by-another.so",
      "the link ROOT/home/lib/by-another.so belongs to user 1001 and leads to ROOT/home/lib/own.so, a file of user 1000",
    ],
    [
      "/shared/to-libc.so",
      "the link ROOT/shared/to-libc.so belongs to user 1000 and leads to ROOT/libc.so, a file of root",
    ],
    [
      "/home/lib/further.so",
      "ROOT/home/lib/further.so is a further name (hard link) of a file of root, in a folder of user 1000",
    ],
    [
      "/shared/further.so",
      "ROOT/shared/further.so is a further name (hard link) of a file of root, in a folder where anyone can write",
    ],
    [
      "/home/lib/further-link.so",
      "the link ROOT/home/lib/further-link.so belongs to user 1000 and leads to ROOT/libc.so, a file of root",
    ],
  ])("%s leads to a file of another user", async (path, message) => {
    await expect(own(path)).rejects.toMatchObject({
      code: "EXDEV",
      message: message.replaceAll("ROOT", root),
    });
    // Where nobody asks whose links they are, they are followed.
    (await HeldFile.hold(root, path)).close();
  });
});
