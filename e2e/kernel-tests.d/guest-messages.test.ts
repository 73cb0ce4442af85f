// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createMessageReader, formatMessage, type GuestMessage } from "./guest-messages.ts";

const start: GuestMessage = { kind: "start", file: "x" };
const left: GuestMessage = { kind: "left", file: "ä", what: ["a\nb"] };

it.each([1, 2, 7, 1000])("finds messages in output that comes in pieces of %d bytes", (size) => {
  const all = Buffer.from(
    `half${formatMessage(start)}more\n\u001eother\n${formatMessage(left)}end`,
  );
  const messages: GuestMessage[] = [];
  const output: Buffer[] = [];
  const read = createMessageReader(
    (message) => messages.push(message),
    (text) => output.push(text),
  );
  for (let at = 0; at < all.length; at += size) read(all.subarray(at, at + size));
  expect(messages).toEqual([start, left]);
  expect(Buffer.concat(output).toString()).toBe("half\nmore\n\u001eother\n\nend");
});
