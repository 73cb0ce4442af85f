// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { createKubeClient, type KubeClient, unfenced } from "@gander/kube";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RecordedRequest, RecordingServer } from "../../../kube/test/recording-server.ts";
import { readPolicyObject } from "../api/read-policy-object.ts";
import { createStatusApi, type StatusApi } from "./status-api.ts";

let server: RecordingServer;
let client: KubeClient;
let api: StatusApi;

beforeEach(async () => {
  server = new RecordingServer();
  await server.listen();
  client = createKubeClient(server.source);
  api = createStatusApi(client, createLogger({ write: () => {} }));
});
afterEach(async () => {
  client.close();
  await server.close();
});

const metadata = { name: "p", namespace: "web", uid: "u", resourceVersion: "1", generation: 1 };
const policy = readPolicyObject("TracingPolicyNamespaced", { metadata, spec: {} });
const statuses = { policy: { observedGeneration: 1 }, rollUp: { policyGeneration: 1 } };
const write = () => api.write({ policy, statuses, permit: unfenced });

const own = "/apis/cilium.io/v1alpha1/namespaces/web/tracingpoliciesnamespaced/p";
const rollUp = "/apis/gander.dev/v1alpha1/namespaces/web/policystatusesnamespaced/p";
const asked = () => server.requests.map(({ method, url }) => `${method} ${url.split("?")[0]}`);
const notFound = { status: 404, body: { code: 404, reason: "NotFound" } };

/** Answers by the beginning of `METHOD PATH`; else gives back what was sent. */
function answer(replies: Readonly<Record<string, { status: number; body?: unknown }>>): void {
  server.reply = ({ method, url, body }: RecordedRequest) =>
    replies[`${method} ${url.split("?")[0]}`] ?? { status: 200, body };
}

describe("writing", () => {
  it("makes the PolicyStatus, owned by its policy, and the policy's own status", async () => {
    await write();
    expect(asked()).toEqual([`PATCH ${rollUp}`, `PATCH ${own}/status`]);
    expect(server.requests.map(({ body }) => body)).toMatchObject([
      {
        kind: "PolicyStatusNamespaced",
        metadata: { ownerReferences: [{ kind: "TracingPolicyNamespaced", name: "p", uid: "u" }] },
        status: statuses.rollUp,
      },
      { kind: "TracingPolicyNamespaced", metadata: { uid: "u" }, status: statuses.policy },
    ]);
  });

  it("leaves out the policy's own where its definition, of another product, has none", async () => {
    answer({
      [`PATCH ${own}/status`]: notFound,
      [`GET ${own}`]: { status: 200, body: { metadata } },
    });
    await write();
    await write();
    expect(asked()).toEqual([
      `PATCH ${rollUp}`,
      `PATCH ${own}/status`,
      `GET ${own}`,
      `PATCH ${rollUp}`,
    ]);
  });

  it("goes on asking for it where only this policy was gone", async () => {
    answer({ [`PATCH ${own}/status`]: notFound, [`GET ${own}`]: notFound });
    await write();
    await write();
    expect(asked().filter((one) => one === `PATCH ${own}/status`)).toHaveLength(2);
  });

  it("says when the API refuses", async () => {
    answer({ [`PATCH ${rollUp}`]: { status: 403 } });
    await expect(write()).rejects.toMatchObject({ code: "kube-forbidden" });
  });
});

describe("removing", () => {
  const remove = () => api.remove({ kind: policy.kind, key: "web/p", permit: unfenced });
  const found = {
    status: 200,
    body: { metadata: { ...metadata, uid: "r", ownerReferences: [{ uid: "u" }] } },
  };

  it("deletes the PolicyStatus that was found, and no successor", async () => {
    answer({ [`GET ${rollUp}`]: found, [`GET ${own}`]: notFound });
    await remove();
    expect(asked()).toEqual([`GET ${rollUp}`, `GET ${own}`, `DELETE ${rollUp}`]);
    expect(server.requests[2]?.body).toMatchObject({ preconditions: { uid: "r" } });
  });

  it("also if another policy has taken the name", async () => {
    const other = { status: 200, body: { metadata: { ...metadata, uid: "v" } } };
    answer({ [`GET ${rollUp}`]: found, [`GET ${own}`]: other });
    await remove();
    expect(asked().at(-1)).toBe(`DELETE ${rollUp}`);
  });

  it("deletes nothing that a policy is there for, whatever a watch said", async () => {
    answer({ [`GET ${rollUp}`]: found, [`GET ${own}`]: { status: 200, body: { metadata } } });
    await remove();
    expect(asked().some((one) => one.startsWith("DELETE"))).toBe(false);
  });

  it("is done where there is nothing", async () => {
    answer({ [`GET ${rollUp}`]: notFound });
    await remove();
    expect(asked()).toEqual([`GET ${rollUp}`]);
  });
});
