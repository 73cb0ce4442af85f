// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { familyName, ipv4Text, ipv6Text, protocolName, tcpStateName } from "./network-names.ts";

const bytesOf = (hex: string) => Buffer.from(hex, "hex");

describe("addresses", () => {
  it.each([
    ["00000000000000000000000000000001", "::1"],
    ["00000000000000000000000000000000", "::"],
    ["20010db8000000000000000000000001", "2001:db8::1"],
    ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    ["20010db8000000000001000000000000", "2001:db8:0:0:1::"],
    ["fe80000000000000abcd00000000ef01", "fe80::abcd:0:0:ef01"],
  ])("%s is %s", (hex, expected) => {
    expect(ipv6Text(bytesOf(hex), 0)).toBe(expected);
  });

  it("any IPv6 address reads back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = ipv6Text(bytes, 0);
        expect(isIPv6(text)).toBe(true);
        // The URL parser is an independent implementation of the same text form.
        expect(new URL(`http://[${text}]/`).hostname).toBe(`[${text}]`);
      }),
    );
  });

  it("names what it knows and numbers the rest", () => {
    expect(ipv4Text(bytesOf("ff0a6300 01".replace(" ", "")), 1)).toBe("10.99.0.1");
    expect([familyName(2), protocolName(262), tcpStateName(2), protocolName(200)]).toEqual([
      "AF_INET",
      "IPPROTO_MPTCP",
      "TCP_SYN_SENT",
      "200",
    ]);
  });
});
