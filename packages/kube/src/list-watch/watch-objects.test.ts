// SPDX-License-Identifier: Apache-2.0
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KubeError } from "../client/kube-error.ts";
import { parseWatchEvent } from "./watch-objects.ts";

const parse = (value: unknown) => parseWatchEvent(Buffer.from(JSON.stringify(value)), "watch x");
const metadata = { name: "a", uid: "u", resourceVersion: "7" };

describe("a line of a watch", () => {
  it.each([
    ["ADDED", "set"],
    ["MODIFIED", "set"],
    ["DELETED", "delete"],
  ])("%s is %s", (type, expected) => {
    expect(parse({ type, object: { metadata } })).toEqual({ type: expected, object: { metadata } });
  });

  it("BOOKMARK has a version and nothing else", () => {
    const object = { metadata: { resourceVersion: "9", creationTimestamp: null } };
    expect(parse({ type: "BOOKMARK", object })).toEqual({ type: "bookmark", resourceVersion: "9" });
  });

  it("ERROR is thrown, by its own status", () => {
    const object = { kind: "Status", code: 410, message: "too old resource version: 1 (5)" };
    expect(() => parse({ type: "ERROR", object })).toThrow(
      expect.objectContaining({
        code: "kube-expired",
        message: "Cannot watch x: too old resource version: 1 (5)",
      }),
    );
  });

  it("without a version would make the next watch begin anywhere", () => {
    const object = { metadata: { name: "a", uid: "u" } };
    expect(() => parse({ type: "ADDED", object })).toThrow("no object as expected");
  });

  it("is an event or an error of a known kind, whatever it is", () => {
    const type = fc.constantFrom("ADDED", "DELETED", "BOOKMARK", "ERROR", "x", 1);
    const status = fc.record(
      {
        code: fc.jsonValue(),
        reason: fc.jsonValue(),
        message: fc.jsonValue(),
        details: fc.record({ causes: fc.jsonValue(), retryAfterSeconds: fc.jsonValue() }),
        metadata: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const event = fc.record({ type, object: fc.oneof(status, fc.jsonValue()) });
    const line = fc.oneof(
      fc.oneof(event, fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value))),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(line, (bytes) => {
        try {
          expect(["set", "delete", "bookmark"]).toContain(parseWatchEvent(bytes, "x").type);
        } catch (error) {
          expect(error).toBeInstanceOf(KubeError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
