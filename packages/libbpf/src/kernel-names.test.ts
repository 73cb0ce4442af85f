// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  attachTypes,
  helpers,
  linkTypes,
  mapTypes,
  nameOf,
  numberOf,
  programTypes,
} from "./kernel-names.ts";
import { native } from "./native.ts";

describe("names of the kernel's numbers", () => {
  it("are those of the libbpf that is linked", () => {
    const { version, ...names } = native().enumNames();
    expect(names).toEqual({ attachTypes, helpers, linkTypes, mapTypes, programTypes });
    expect(version).toMatch(/^v1\./);
  });

  it("go both ways", () => {
    expect(numberOf(mapTypes, "hash", "map type")).toBe(1);
    expect(nameOf(mapTypes, 1)).toBe("hash");
    expect(nameOf(mapTypes, 999)).toBe("#999");
    expect(() => numberOf(mapTypes, "nope", "map type")).toThrow(/Unknown map type "nope"/);
  });
});
