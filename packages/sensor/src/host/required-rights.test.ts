// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { requireRights } from "./required-rights.ts";

const status = (capabilities: string): string =>
  `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${capabilities}\n`;

describe("requireRights", () => {
  it.each(["000001ffffffffff", "0000000000200000", "000000c000000000"])("%s is enough", (bits) => {
    expect(() => requireRights(status(bits))).not.toThrow();
  });
  it.each(["0000000000000000", "0000008000000000", "0000017fffdfffff"])("%s is not", (bits) => {
    expect(() => requireRights(status(bits))).toThrow(/not permitted/);
  });
});
