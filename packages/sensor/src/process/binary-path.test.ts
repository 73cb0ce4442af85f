// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { binaryPath } from "./binary-path.ts";

describe("binary", () => {
  it.each([
    ["/bin/sh", "/", "/usr/bin/dash", "/bin/sh"],
    ["/proc/self/exe", "/", "/bin/busybox", "/proc/self/exe"],
    ["./evil", "/tmp", "/tmp/evil", "/tmp/evil"],
    ["../x/evil", "/tmp/y", "/tmp/x/evil", "/tmp/x/evil"],
    ["evil", "/", "/evil", "/evil"],
    ["", "/", "/memfd:x", "/memfd:x"],
    ["evil", "", "/tmp/evil", "/tmp/evil"],
    ["evil", "", "", "evil"],
  ])("%s in %s (file %s) is %s", (typed, cwd, resolved, expected) => {
    expect(binaryPath(typed, cwd, resolved)).toBe(expected);
  });
});
