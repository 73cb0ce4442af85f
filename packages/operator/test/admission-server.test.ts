// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { connect } from "node:tls";
import { createLogger } from "@gander/base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { Review } from "../src/admission/admission-review.ts";
import { type AdmissionServer, createAdmissionServer } from "../src/admission/admission-server.ts";
import type { CheckFleet, FleetReport } from "../src/admission/fleet-report.ts";
import { sessionPathOf } from "../src/admission/session-path.ts";
import { createPolicyCatalog } from "../src/api/policy-catalog.ts";
import { issueAuthority, issueServer } from "../src/identity/issue-certificate.ts";
import { createServingCertificate } from "../src/identity/serving-certificate.ts";
import { createSetCatalog } from "../src/sets/set-catalog.ts";

const certificate = createServingCertificate();
const logger = createLogger({ level: "error", write: () => {} });
const silent: FleetReport = { findings: [], nodes: 2, unknown: 0 };
let report: FleetReport | Error = silent;
const checkFleet: CheckFleet = async () => {
  if (report instanceof Error) throw report;
  return report;
};

const noted: Review[] = [];
let server: AdmissionServer;
beforeAll(async () => {
  const validity = { from: new Date(Date.now() - 60_000), until: new Date(Date.now() + 3_600_000) };
  const authority = await issueAuthority("test", validity);
  const own = await issueServer(authority, ["127.0.0.1"], validity);
  certificate.set({ ...own, ca: authority.cert });
  server = await createAdmissionServer(
    {
      ...{ logger, certificate, checkFleet },
      known: { catalog: createPolicyCatalog(), sets: createSetCatalog() },
      sessions: { note: (review) => void noted.push(review) },
    },
    { host: "127.0.0.1", port: 0 },
    { bodyBytes: 200_000, requestMs: 1_000, connections: 20 },
  );
});
afterAll(() => server[Symbol.asyncDispose]());

type Reply = { readonly status: number; readonly body: string };

function send(body: string | Buffer, options: RequestOptions = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const call = httpsRequest(
    {
      host: "127.0.0.1",
      port: server.address.port,
      path: "/validate?timeout=5s",
      method: "POST",
      ca: certificate.current()?.ca,
      agent: false,
      ...options,
    },
    async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode ?? 0, body: text });
    },
  );
  call.on("error", reject);
  call.end(body);
  return promise;
}

type Answer = {
  readonly uid: string;
  readonly allowed: boolean;
  readonly warnings?: readonly string[];
  readonly status?: {
    readonly code: number;
    readonly message: string;
    readonly details: {
      readonly causes: readonly { readonly field: string; readonly message: string }[];
    };
  };
};

/** Asks about an object as the API server would. */
async function ask(object: unknown, more: object = {}): Promise<Answer> {
  const review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "u-1",
      operation: "CREATE",
      kind: { group: "cilium.io", version: "v1alpha1", kind: "TracingPolicy" },
      name: "a",
      object,
      ...more,
    },
  };
  const { status, body } = await send(JSON.stringify(review));
  expect(status, body).toBe(200);
  return (JSON.parse(body) as { response: Answer }).response;
}

const policy = (spec: object, metadata: object = {}) => ({
  apiVersion: "cilium.io/v1alpha1",
  kind: "TracingPolicy",
  metadata: { name: "a", managedFields: [{ manager: "kubectl" }], ...metadata },
  spec,
});
const good = { kprobes: [{ call: "tcp_connect", syscall: false }] };
const bad = {
  kprobes: [
    { call: "tcp_connect" },
    { call: "a", syscall: false, args: [{ index: 0, type: "strin" }] },
  ],
};

describe("a session", () => {
  const request = {
    ...{ uid: "s-1", operation: "CONNECT", namespace: "shop", name: "web-0" },
    ...{ kind: { group: "", version: "v1", kind: "PodExecOptions" }, subResource: "exec" },
    resource: { group: "", version: "v1", resource: "pods" },
    userInfo: { username: "alice", groups: ["devs"] },
    object: { container: "web", command: ["sh"] },
  };
  const review = JSON.stringify({ apiVersion: "admission.k8s.io/v1", request });
  const path = () => sessionPathOf(certificate.current()?.key ?? "");

  it("is allowed, noted, and leaves the review's uid in the audit log", async () => {
    const { status, body } = await send(review, { path: `${path()}?timeout=1s` });
    expect(status).toBe(200);
    const { response } = JSON.parse(body);
    expect(response).toEqual({ uid: "s-1", allowed: true, auditAnnotations: { request: "s-1" } });
    expect(noted).toMatchObject([{ user: "alice", groups: ["devs"], subresource: "exec" }]);
  });

  it("is no policy", async () => {
    expect((await send(review)).status).toBe(200);
    expect(noted).toHaveLength(1);
  });

  it("is believed only at the path that the API server alone was told, even after a renewal", async () => {
    const guessed = ["/sessions", sessionPathOf("another key"), `${path()}/`];
    for (const one of guessed) expect((await send(review, { path: one })).status).toBe(404);
    const before = path();
    const material = certificate.current();
    if (material === undefined) throw new Error("there is no certificate");
    const validity = { from: new Date(Date.now() - 60_000), until: new Date(Date.now() + 60_000) };
    const authority = await issueAuthority("next", validity);
    certificate.set({
      ...(await issueServer(authority, ["127.0.0.1"], validity)),
      ca: authority.cert,
    });
    expect(path()).not.toBe(before);
    const statuses = [path(), before].map((one) => send(review, { path: one }));
    expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([200, 200]);
    expect(noted).toHaveLength(3);
    certificate.set(material);
  });
});

describe("a review", () => {
  it("lets good policies pass, with the question's uid", async () => {
    expect(await ask(policy(good))).toEqual({ uid: "u-1", allowed: true });
    expect(await ask(policy(good), { dryRun: true })).toEqual({ uid: "u-1", allowed: true });
  });

  it("names all errors at once, each with its field and what to write", async () => {
    const { allowed, status } = await ask(policy(bad));
    expect(allowed).toBe(false);
    expect(status?.code).toBe(422);
    expect(status?.details.causes).toEqual([
      {
        reason: "FieldValueInvalid",
        field: "spec.kprobes[0].call",
        message:
          '"tcp_connect" is not a system call, but syscall is true, which is the default. Add `syscall: false` for a kernel function.',
      },
      {
        reason: "FieldValueInvalid",
        field: "spec.kprobes[1].args[0].type",
        message: expect.stringMatching(/strin.*string/s),
      },
    ]);
    expect(status?.message.split("\n")).toHaveLength(3);
  });

  it.each([
    ["an update that leaves the spec as it is", { operation: "UPDATE", oldObject: policy(bad) }],
    ["the status", { operation: "UPDATE", subResource: "status", oldObject: policy(good) }],
    ["a deletion", { operation: "DELETE" }],
    ["another kind", { kind: { group: "", version: "v1", kind: "Pod" } }],
    ["another group", { kind: { group: "other.io", version: "v1", kind: "TracingPolicy" } }],
    ["no object", { object: null }],
  ])("says nothing to %s", async (_, more) => {
    expect(await ask(policy(bad), more)).toEqual({ uid: "u-1", allowed: true });
  });

  it("lets an object go that has finalizers and a spec that is refused now", async () => {
    const going = policy({ ...bad, options: [] }, { deletionTimestamp: "2026-01-01T00:00:00Z" });
    expect(await ask(going, { operation: "UPDATE", oldObject: policy(bad) })).toMatchObject({
      allowed: true,
    });
  });

  it("refuses a changed spec, in an update as well", async () => {
    expect(await ask(policy(bad), { operation: "UPDATE", oldObject: policy(good) })).toMatchObject({
      allowed: false,
    });
  });

  it("warns of what a policy itself gives to think about", async () => {
    const { allowed, warnings } = await ask({
      ...policy(good),
      metadata: { name: "a", namespace: "b" },
    });
    expect({ allowed, warnings }).toEqual({
      allowed: true,
      warnings: [expect.stringMatching(/^metadata\.namespace: .*Use kind TracingPolicyNamespaced/)],
    });
  });
});

describe("what kernels say", () => {
  const finding = (part: object) => ({
    path: "spec.kprobes[0]",
    code: "kernel-no-function" as const,
    message: "this kernel has no function a",
    hint: "Did you mean b?",
    severity: "error" as const,
    kernels: [{ release: "6.1.0", nodes: 3 }],
    nodes: 3,
    ...part,
  });
  const warningsFor = async (next: FleetReport | Error) => {
    report = next;
    const answer = await ask(policy(good)).finally(() => {
      report = silent;
    });
    expect(answer.allowed).toBe(true);
    return answer.warnings ?? [];
  };

  it("is a warning with the kernel and its nodes", async () => {
    expect(
      await warningsFor({
        nodes: 100,
        unknown: 2,
        findings: [
          finding({}),
          finding({ severity: "warning", message: "it is weaker", hint: "" }),
          finding({ severity: "note" }),
        ],
      }),
    ).toEqual([
      "It cannot work on 3 of 100 nodes (kernel 6.1.0): spec.kprobes[0]: this kernel has no function a. Did you mean b?",
      "On 3 of 100 nodes (kernel 6.1.0): spec.kprobes[0]: it is weaker",
      "Not checked against the kernels of 2 of 100 nodes, which are not known yet",
    ]);
  });

  it("stays within what the API server passes on, and is one line each", async () => {
    const long = "é\n\u001b[31m‮".repeat(200);
    const findings = Array.from({ length: 100 }, (_, i) =>
      finding({ message: `${i} ${long}`, kernels: [{ release: long, nodes: 1 }] }),
    );
    const warnings = await warningsFor({ nodes: 1, unknown: 0, findings });
    expect(warnings.length).toBeGreaterThan(10);
    for (const warning of warnings) {
      expect(Buffer.byteLength(warning)).toBeLessThanOrEqual(256);
      expect(warning).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
    expect(Buffer.byteLength(warnings.join(""))).toBeLessThan(4_096);
    expect(warnings.at(-1)).toMatch(/^There are \d+ more warnings$/);
  });

  it("holds nothing back if it can't be found out", async () => {
    expect(await warningsFor(new Error("no"))).toEqual([
      "It could not be checked against the kernels of the nodes",
    ]);
  });
});

describe("hostile requests", () => {
  it.each<[string, string, number, RequestOptions]>([
    ["no JSON", "{", 400, {}],
    ["no review", "{}", 400, {}],
    ["a list", "[]", 400, {}],
    ["another version", '{"apiVersion":"admission.k8s.io/v1beta1","request":{"uid":"a"}}', 400, {}],
    ["no uid", '{"apiVersion":"admission.k8s.io/v1","request":{}}', 400, {}],
    [
      "a huge uid",
      `{"apiVersion":"admission.k8s.io/v1","request":{"uid":"${"a".repeat(300)}"}}`,
      400,
      {},
    ],
    ["nesting without end", "[".repeat(100_000), 400, {}],
    ["too much", " ".repeat(200_001), 413, {}],
    ["another path", "{}", 404, { path: "/" }],
    ["another method", "", 405, { method: "GET" }],
  ])("%s", async (_, body, status, options) => {
    expect(await send(body, options)).toMatchObject({ status });
  });

  it("too much without saying how much", async () => {
    const answer = send(" ".repeat(400_000), { headers: { "transfer-encoding": "chunked" } });
    await expect(answer.catch(() => ({ status: 413 }))).resolves.toMatchObject({ status: 413 });
  });

  it.each([
    ["a spec that is a text", "spec"],
    ["hooks without end", { kprobes: Array.from({ length: 5_000 }, () => ({ call: "a" })) }],
    ["no spec", undefined],
    [
      "names of JavaScript",
      JSON.parse('{"__proto__": {"a": 1}, "constructor": [], "kprobes": [{"__proto__": 1}]}'),
    ],
  ])("%s is refused, and the next review is answered", async (_, spec) => {
    expect(await ask(policy(spec as object))).toMatchObject({ allowed: false });
    expect(await ask(policy(good))).toMatchObject({ allowed: true });
  });

  it("a spec that is nested without end", async () => {
    for (const depth of [1_000, 20_000, 60_000]) {
      const spec = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      const object = `{"apiVersion":"cilium.io/v1alpha1","kind":"TracingPolicy","metadata":{},"spec":${spec}}`;
      const request = `{"uid":"u","operation":"CREATE","kind":{"group":"cilium.io","kind":"TracingPolicy"},"object":${object}}`;
      const answer = await send(`{"apiVersion":"admission.k8s.io/v1","request":${request}}`);
      expect(answer.body).toMatch(/"allowed":false|no AdmissionReview/);
    }
  });

  it("metadata that is none", async () => {
    for (const metadata of [null, "a", [], 5])
      expect(await ask({ ...policy(good), metadata })).toMatchObject({ allowed: true });
  });

  it("a request that never ends is ended", async () => {
    const socket = connect({
      host: "127.0.0.1",
      port: server.address.port,
      ca: certificate.current()?.ca,
    });
    socket.on("error", () => {});
    socket.write("POST /validate HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{");
    const closed = new Promise((resolve) => socket.on("close", () => resolve("closed")));
    socket.resume();
    await expect(closed).resolves.toBe("closed");
    expect(await ask(policy(good))).toMatchObject({ allowed: true });
  });
});

/** What a client can't read never becomes an object; of several documents each is one by itself. */
function objectIn(text: string): { readonly kind?: string } | undefined {
  const documents = parseAllDocuments(text, { logLevel: "silent" });
  const [document] = documents;
  if (document === undefined || documents.length > 1 || "empty" in documents) return undefined;
  if (document.errors.length > 0) return undefined;
  try {
    const object: unknown = document.toJS();
    const kind = typeof object === "object" && object !== null ? Reflect.get(object, "kind") : "";
    return /^TracingPolicy(Namespaced)?$/.test(String(kind)) ? (object as object) : undefined;
  } catch {
    return undefined;
  }
}

describe("broken policies", () => {
  const folder = new URL("../../policy/test/fixtures/broken/", import.meta.url);
  // What these have wrong isn't there any more when the API server asks: it is of the text, the API
  // server refused it, or took it away.
  const notInObjects = [
    "alias-of-itself.yaml",
    "merge-of-a-list.yaml",
    "octal-number.yaml",
    "old-version.yaml",
    "unknown-top-field.yaml",
  ];
  const files = readdirSync(folder).filter((file) => !notInObjects.includes(file));
  const objects = files.flatMap((file) => {
    const object = objectIn(readFileSync(new URL(file, folder), "utf8"));
    return object === undefined ? [] : [[file, object] as const];
  });

  it("there are enough of them", () => expect(objects.length).toBeGreaterThan(60));

  it.each(objects)("%s", async (_, object) => {
    const kind = { group: "cilium.io", version: "v1alpha1", kind: object.kind };
    const { allowed, status } = await ask(object, { kind });
    expect(allowed).toBe(false);
    const causes = status?.details.causes ?? [];
    expect(causes.length).toBeGreaterThan(0);
    for (const { field, message } of causes) {
      expect(field).toMatch(/^(spec|metadata|apiVersion|kind|$)/);
      // What is wrong and what to write.
      expect(message).toMatch(/\. \S|;/);
    }
  });
});

it("shows a renewed certificate from the next connection on", async () => {
  const validity = { from: new Date(Date.now() - 60_000), until: new Date(Date.now() + 3_600_000) };
  const authority = await issueAuthority("renewed", validity);
  certificate.set({
    ...(await issueServer(authority, ["127.0.0.1"], validity)),
    ca: authority.cert,
  });
  expect(await ask(policy(good))).toMatchObject({ allowed: true });
});
