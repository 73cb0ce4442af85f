// SPDX-License-Identifier: Apache-2.0

import type { AttachKind } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { seesOpenFile } from "./open-files.ts";

describe("seesOpenFile", () => {
  it.each<[AttachKind, string, boolean]>([
    ["lsm", "file_permission", true],
    ["lsm", "mmap_file", true],
    ["fentry", "security_file_permission", true],
    ["fmod_ret", "security_file_ioctl", true],
    ["kprobe", "security_file_lock", true],
    ["lsm", "file_open", false],
    ["lsm", "file_free_security", false],
    ["fentry", "security_file_free", false],
    ["fentry", "file_permission", false],
    ["lsm", "security_file_permission", false],
    ["tracepoint", "syscalls/sys_enter_fcntl", false],
  ])("%s on %s: %s", (kind, target, sees) => {
    expect(seesOpenFile({ kind, target })).toBe(sees);
  });
});
