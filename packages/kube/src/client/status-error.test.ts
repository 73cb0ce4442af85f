// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { statusError } from "./status-error.ts";

const task = 'apply tracingpolicies "x"';
const ofStatus = (status: number, body: unknown = "") => statusError({ task, status, body });

describe("a refused answer", () => {
  it.each([
    [400, "kube-invalid", false],
    [401, "kube-unauthorized", false],
    [403, "kube-forbidden", false],
    [404, "kube-not-found", false],
    [409, "kube-conflict", true],
    [410, "kube-expired", true],
    [418, "kube-invalid", false],
    [429, "kube-throttled", true],
    [302, "kube-protocol", false],
    [500, "kube-server", true],
    [503, "kube-server", true],
    [504, "kube-timeout", true],
  ] as const)("of %d is %s", (status, code, retryable) => {
    expect(ofStatus(status)).toMatchObject({ code, retryable, status });
  });

  it("carries the server's sentence, reason and causes", () => {
    const body = {
      kind: "Status",
      reason: "Invalid",
      message: 'TracingPolicy.cilium.io "x" is invalid: spec.kprobes[0].call: Required value',
      details: {
        causes: [
          {
            reason: "FieldValueRequired",
            field: "spec.kprobes[0].call",
            message: "Required value",
          },
        ],
      },
      code: 422,
    };
    const error = ofStatus(422, body);
    expect(error.message).toBe(`Cannot ${task}: ${body.message}`);
    expect(error).toMatchObject({ reason: "Invalid", causes: body.details.causes });
  });

  it("names a conflict of field managers apart from a stale version", () => {
    const causes = [
      { reason: "FieldManagerConflict", message: 'conflict with "kubectl"', field: ".spec.x" },
    ];
    const body = {
      reason: "Conflict",
      message: "Apply failed with 1 conflict",
      details: { causes },
    };
    expect(ofStatus(409, body).code).toBe("kube-field-conflict");
    expect(ofStatus(409, { reason: "AlreadyExists" }).code).toBe("kube-already-exists");
  });

  it("names the fields that the schema doesn't know, which an apply patch is told with 500", () => {
    const message =
      "failed to create typed patch object (n/x; cilium.io/v1alpha1, Kind=TracingPolicyNamespaced):";
    const one = ofStatus(500, { message: `${message} .spec.kprobs: field not declared in schema` });
    expect(one).toMatchObject({ code: "kube-invalid", retryable: false, status: 500 });
    expect(one.causes).toEqual([
      {
        reason: "FieldValueInvalid",
        field: "spec.kprobs",
        message: "field not declared in schema",
      },
    ]);
    const several = `${message} errors:\n  .spec.a: field not declared in schema\n  .spec.b[0].c: expected string, got &value.valueUnstructured{Value:1}`;
    expect(ofStatus(500, { message: several }).causes.map(({ field }) => field)).toEqual([
      "spec.a",
      "spec.b[0].c",
    ]);
    expect(ofStatus(500, { message: "etcdserver: .spec.x: too large" }).code).toBe("kube-server");
  });

  it("takes another uid for a conflict: the object that was meant is gone", () => {
    const cause = (field: string) => ({
      reason: "Invalid",
      details: { causes: [{ field, message: 'Invalid value: "1": field is immutable' }] },
    });
    expect(ofStatus(422, cause("metadata.uid")).code).toBe("kube-conflict");
    expect(ofStatus(422, cause("spec.nodeName")).code).toBe("kube-invalid");
  });

  it("takes a version from the future for one that is gone", () => {
    const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
    expect(ofStatus(504, { reason: "Timeout", details: { causes } }).code).toBe("kube-expired");
  });

  it("believes the Status object rather than the status line: an ERROR event has only that", () => {
    expect(ofStatus(200, { kind: "Status", code: 410, reason: "Expired" }).code).toBe(
      "kube-expired",
    );
  });

  it("shows what a proxy wrote, but not all of it", () => {
    const error = ofStatus(502, `<html>Bad gateway${"x".repeat(100_000)}`);
    expect(error.message).toMatch(/the server answered 502: <html>Bad gateway/);
    expect(error.message.length).toBeLessThan(3000);
  });

  it.each([
    ["3", undefined, 3000],
    [undefined, 2, 2000],
    ["1", 5, 5000],
    ["rubbish", undefined, 0],
    ["-1", undefined, 0],
  ])("waits as long as Retry-After %s and retryAfterSeconds %s say", (retryAfter, seconds, ms) => {
    const body = { details: { retryAfterSeconds: seconds } };
    expect(statusError({ task, status: 429, body, retryAfter }).retryAfterMs).toBe(ms);
  });

  it("understands a date in Retry-After", () => {
    const retryAfter = new Date(Date.now() + 5000).toUTCString();
    const { retryAfterMs } = statusError({ task, status: 429, body: "", retryAfter });
    expect(retryAfterMs).toBeGreaterThan(3000);
    expect(retryAfterMs).toBeLessThanOrEqual(5000);
  });
});
