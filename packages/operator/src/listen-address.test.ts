// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { parseListenAddress } from "./listen-address.ts";

it.each([
  [":8443", { host: "::", port: 8443 }],
  ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
  ["localhost:80", { host: "localhost", port: 80 }],
  ["[::1]:8443", { host: "::1", port: 8443 }],
  ["8443", undefined],
  ["::1:8443", undefined],
  [":65536", undefined],
  ["host:", undefined],
  ["a b:1", undefined],
])("%s", (text, address) => {
  expect(parseListenAddress(text)).toEqual(address);
});
