// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { isLoopback, parseServerAddress, serverAddressText } from "./server-address.ts";

describe("parseServerAddress", () => {
  it.each([
    ["unix:///run/g.sock", { unix: "/run/g.sock" }],
    ["unix:/run/g.sock", { unix: "/run/g.sock" }],
    ["/run/g.sock", { unix: "/run/g.sock" }],
    ["localhost:54321", { host: "localhost", port: 54321 }],
    ["10.0.0.1:1", { host: "10.0.0.1", port: 1 }],
    ["[::1]:443", { host: "::1", port: 443 }],
    [":443", { host: "0.0.0.0", port: 443 }],
    ["node-1.example:443", { host: "node-1.example", port: 443 }],
    ["", undefined],
    ["localhost", undefined],
    ["localhost:0", undefined],
    ["localhost:65536", undefined],
    ["::1:443", undefined],
    ["unix://run/g.sock", undefined],
    ["unix:", undefined],
    ["run/g.sock", undefined],
    ["https://x:1", undefined],
  ])("%s", (text, address) => {
    expect(parseServerAddress(text)).toEqual(address);
  });

  it.each(["unix:///run/g.sock", "localhost:54321", "[::1]:443"])("is written as %s", (text) => {
    const address = parseServerAddress(text);
    expect(address && serverAddressText(address)).toBe(text);
  });
});

describe("isLoopback", () => {
  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["::", false],
    ["127.evil.example", false],
    ["10.0.0.1", false],
  ])("%s: %s", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
