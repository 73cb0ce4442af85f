// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RecordingServer, type Reply } from "../../test/recording-server.ts";
import { createKubeClient, type KubeClient } from "../client/client.ts";
import { unfenced } from "../client/write-permit.ts";
import { applyObject, applyStatus, createObject, deleteObject } from "./apply-object.ts";

const kind = {
  group: "cilium.io",
  version: "v1alpha1",
  plural: "tracingpoliciesnamespaced",
  kind: "TracingPolicyNamespaced",
};
const path = "/apis/cilium.io/v1alpha1/namespaces/n/tracingpoliciesnamespaced";
const object = { metadata: { name: "p", namespace: "n" }, spec: { a: 1 } };
const writer = { permit: unfenced, fieldManager: "gander-status" };

let server: RecordingServer;
let client: KubeClient;

beforeEach(async () => {
  server = new RecordingServer();
  await server.listen();
  client = createKubeClient(server.source);
});
afterEach(async () => {
  client.close();
  await server.close();
});

const answerWith = (reply: Reply) => {
  server.reply = () => reply;
};

describe("applying", () => {
  it("sends the fields of this manager, and gives the object back", async () => {
    const applied = await applyObject(client, kind, object, writer);
    expect(server.requests).toEqual([
      {
        method: "PATCH",
        url: `${path}/p?fieldManager=gander-status&force=false&fieldValidation=Strict`,
        contentType: "application/apply-patch+yaml",
        body: { apiVersion: "cilium.io/v1alpha1", kind: "TracingPolicyNamespaced", ...object },
      },
    ]);
    expect(applied).toMatchObject(object);
  });

  it("can take fields over, try only, or write the status", async () => {
    await applyObject(client, kind, object, { ...writer, onConflict: "take", mode: "dry-run" });
    await applyStatus(client, kind, object, writer);
    expect(server.requests.map(({ url }) => url)).toEqual([
      `${path}/p?fieldManager=gander-status&force=true&fieldValidation=Strict&dryRun=All`,
      `${path}/p/status?fieldManager=gander-status&force=false&fieldValidation=Strict`,
    ]);
  });

  it("names who owns which fields on a conflict", async () => {
    const message =
      'Apply failed with 1 conflict: conflict with "kubectl" using cilium.io/v1alpha1: .spec.a';
    const causes = [
      { reason: "FieldManagerConflict", message: 'conflict with "kubectl"', field: ".spec.a" },
    ];
    answerWith({
      status: 409,
      body: { code: 409, reason: "Conflict", message, details: { causes } },
    });
    await expect(applyStatus(client, kind, object, writer)).rejects.toMatchObject({
      code: "kube-field-conflict",
      message: `Cannot apply the status of tracingpoliciesnamespaced "n/p": ${message}`,
      hint: "let one of the managers give the field up",
      retryable: false,
      causes,
    });
  });

  it.each([
    [422, "kube-invalid", false],
    [409, "kube-conflict", true],
    [429, "kube-throttled", true],
  ])("of an object that is answered %d throws %s", async (status, code, retryable) => {
    answerWith({ status });
    const applied = applyObject(client, kind, object, writer);
    await expect(applied).rejects.toMatchObject({ code, retryable });
  });

  it("is not repeated by itself: whoever writes decides", async () => {
    answerWith({ status: 503 });
    await applyObject(client, kind, object, writer).catch(() => {});
    answerWith("lost");
    await applyObject(client, kind, object, writer).catch(() => {});
    expect(server.requests).toHaveLength(2);
  });
});

it("creates", async () => {
  await createObject(client, kind, object, writer);
  expect(server.requests[0]).toMatchObject({
    method: "POST",
    url: `${path}?fieldManager=gander-status&fieldValidation=Strict`,
    body: { kind: "TracingPolicyNamespaced", ...object },
  });
});

describe("deleting", () => {
  it("deletes the object that is meant and no successor", async () => {
    await deleteObject(client, kind, { namespace: "n", name: "p", uid: "u" }, { permit: unfenced });
    expect(server.requests[0]).toMatchObject({
      method: "DELETE",
      url: `${path}/p`,
      body: { preconditions: { uid: "u" } },
    });
  });

  it("is content when the object is gone, and with nothing else", async () => {
    answerWith({ status: 404 });
    await deleteObject(client, kind, { name: "p" }, { permit: unfenced });
    answerWith({ status: 403 });
    await expect(deleteObject(client, kind, { name: "p" }, { permit: unfenced })).rejects.toThrow();
  });
});
