// SPDX-License-Identifier: Apache-2.0
import { BlockList } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Network } from "../compiled-policy.ts";
import { families } from "./kernel-names.ts";
import { parseInteger, parseNamed, parseNetwork, parsePorts, parseRange } from "./values.ts";

describe("parseInteger", () => {
  it.each([
    ["0", 0n],
    ["42", 42n],
    ["-1", -1n],
    ["+7", 7n],
    ["0x2A", 42n],
    ["0o52", 42n],
    ["052", 42n],
    ["0b101010", 42n],
    ["1_000", 1000n],
    ["-0x1", -1n],
    ["18446744073709551615", 18446744073709551615n],
  ])("%s", (text, ok) => {
    expect(parseInteger(text)).toMatchObject({ ok });
  });

  it.each(["", "-", "x", "0x", "08", "1.5", "1e3", " 1", "1 ", "0b2", "--1", "٣", "1n"])(
    "refuses %j",
    (text) => {
      expect(parseInteger(text)).toMatchObject({
        wrong: expect.any(String),
        hint: expect.any(String),
      });
    },
  );

  it("reads what BigInt writes, in every base", () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.constantFrom([2, "0b"], [8, "0o"], [10, ""], [16, "0x"] as const),
        (value, [base, prefix]) => {
          const digits = (value < 0n ? -value : value).toString(Number(base));
          expect(parseInteger(`${value < 0n ? "-" : ""}${prefix}${digits}`)).toEqual({ ok: value });
        },
      ),
    );
  });
});

it.each([
  ["5", [5n, 5n]],
  ["1:9", [1n, 9n]],
  ["-5:0x10", [-5n, 16n]],
  ["1 : 2", [1n, 2n]],
])("parseRange %s", (text, ok) => {
  expect(parseRange(text)).toEqual({ ok });
});

it.each(["9:1", "1:2:3", ":", "1:", ":1", "a:b"])("parseRange refuses %j", (text) => {
  expect(parseRange(text)).toHaveProperty("wrong");
});

it.each(["-1", "65536", "1:65536", "http", "80,443", "80-90"])("parsePorts refuses %j", (text) => {
  expect(parsePorts(text)).toHaveProperty("wrong");
});

it.each([
  ["AF_INET6", 10],
  ["inet6", 10],
  ["af_inet", 2],
  ["44", 44],
  ["0x2", 2],
])("parseNamed %s", (text, ok) => {
  expect(parseNamed(text, "AF_", families, 255)).toEqual({ ok });
});

it.each(["AF_INET5", "256", "-1", "constructor", "__proto__", ""])(
  "parseNamed refuses %j",
  (text) => {
    expect(parseNamed(text, "AF_", families, 255)).toHaveProperty("wrong");
  },
);

describe("parseNetwork", () => {
  it.each([
    ["10.1.2.3", "4 0a010203/32"],
    ["10.1.2.3/8", "4 0a000000/8"],
    ["0.0.0.0/0", "4 00000000/0"],
    ["::", "6 00000000000000000000000000000000/128"],
    ["::/0", "6 00000000000000000000000000000000/0"],
    ["::1", "6 00000000000000000000000000000001/128"],
    ["fe80::1:2/64", "6 fe800000000000000000000000000000/64"],
    ["2001:DB8::A", "6 20010db800000000000000000000000a/128"],
    ["::ffff:10.1.2.3", "4 0a010203/32"],
    ["::ffff:10.1.2.3/104", "4 0a000000/8"],
    ["::ffff:a01:203", "4 0a010203/32"],
    ["::ffff:0:0/95", "6 00000000000000000000fffe00000000/95"],
    ["64:ff9b::10.1.2.3", "6 0064ff9b00000000000000000a010203/128"],
  ])("%s", (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it.each([
    "",
    "10.1.2",
    "10.1.2.3/33",
    "10.1.2.3/-1",
    "10.1.2.3/",
    "/8",
    "::1/129",
    "fe80::1%eth0",
    "a.example",
    "10.1.2.3:80",
    "[::1]",
    "010.1.2.3",
  ])("refuses %j", (text) => {
    expect(parseNetwork(text)).toHaveProperty("wrong");
  });

  it("holds the addresses that Node's block list says", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(32), address, (base, length, other) =>
        agrees(base, length, "ipv4", other),
      ),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.ipV6(), fc.nat(128), address, (base, length, other) =>
        agrees(base, length, "ipv6", other),
      ),
      { numRuns: 300 },
    );
  });
});

function shown(text: string): string {
  const value = parseNetwork(text);
  return "ok" in value
    ? `${value.ok.family} ${value.ok.address}/${value.ok.prefixLength}`
    : value.wrong;
}

function agrees(base: string, length: number, family: "ipv4" | "ipv6", other: string): void {
  const network = parseNetwork(`${base}/${length}`);
  if ("wrong" in network) throw new Error(network.wrong);
  const list = new BlockList();
  list.addSubnet(base, length, family);
  for (const address of [base, other]) {
    const single = parseNetwork(address);
    if ("wrong" in single) throw new Error(single.wrong);
    // An IPv4-mapped network is IPv4 here, where Node keeps the two apart.
    if (network.ok.family !== (family === "ipv4" ? 4 : 6) || single.ok.family !== network.ok.family)
      continue;
    expect(contains(network.ok, single.ok), `${address} in ${base}/${length}`).toBe(
      list.check(address, family),
    );
  }
}

function contains(network: Network, address: Network): boolean {
  const bits = (hex: string) =>
    BigInt(`0x${hex}`)
      .toString(2)
      .padStart(hex.length * 4, "0");
  return bits(address.address).startsWith(bits(network.address).slice(0, network.prefixLength));
}
