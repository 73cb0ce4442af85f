// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { fileModeText } from "./file-mode.ts";

describe("permission", () => {
  it.each([
    [0o100644, "-rw-r--r--"],
    [0o100755, "-rwxr-xr-x"],
    [0o104755, "-rwsr-xr-x"],
    [0o102644, "-rw-r-Sr--"],
    [0o041777, "drwxrwxrwt"],
    [0o041776, "drwxrwxrwT"],
    [0o120777, "lrwxrwxrwx"],
    [0o140600, "srw-------"],
    [0, ""],
  ])("%o is %s", (mode, expected) => {
    expect(fileModeText(mode)).toBe(expected);
  });
});
