// SPDX-License-Identifier: Apache-2.0
import { typeRow } from "@gander/crd-schemas";
import { expect, it } from "vitest";
import { parseNumberOf, parseRangeOf } from "./named-integers.ts";

it.each([
  ["capability", "CAP_SYS_ADMIN", 21n],
  ["capability", "sys_admin", 21n],
  ["capability", "40", 40n],
  ["capability", "63", 63n],
  ["cap_effective", "CAP_CHOWN", 1n],
  ["cap_effective", "CAP_CHOWN, CAP_SYS_ADMIN", 0x200001n],
  ["cap_effective", "0x200001", 0x200001n],
  ["bpf_cmd", "BPF_PROG_LOAD", 5n],
  ["bpf_cmd", "BPF_TOKEN_CREATE", 36n],
  ["int", "7", 7n],
] as const)("%s %s", (type, text, ok) => {
  expect(parseNumberOf(typeRow(type), text)).toEqual({ ok });
  expect(parseRangeOf(typeRow(type), text)).toEqual({ ok: [ok, ok] });
});

it.each([
  ["capability", "CAP_SYS_ADMN", 'Did you mean "CAP_SYS_ADMIN"?'],
  [
    "cap_effective",
    "CAP_CHOWN,CAP_NOTHING_AT_ALL",
    "Write a name such as CAP_DAC_OVERRIDE, or a number.",
  ],
  ["capability", "99", "Write a name such as CAP_SYS_ADMIN, or a number from 0 to 63."],
  ["bpf_cmd", "PROG_LOD", 'Did you mean "BPF_PROG_LOAD"?'],
  ["int", "CAP_CHOWN", "Write it in decimal (42, -1), hexadecimal (0x2a) or octal (0o52)."],
] as const)("%s refuses %s", (type, text, hint) => {
  expect(parseNumberOf(typeRow(type), text)).toMatchObject({ hint });
});
