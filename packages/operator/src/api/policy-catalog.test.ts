// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { createPolicyCatalog } from "./policy-catalog.ts";
import { readPolicyObject } from "./read-policy-object.ts";

const object = (name: string, call = "sys_mount") => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: "1", generation: 3 },
  spec: { kprobes: [{ call, args: [{ index: 0, type: "string" }] }] },
});

describe("the catalog", () => {
  it("tells of what came, changed and went after it is so", () => {
    const catalog = createPolicyCatalog();
    const told: string[] = [];
    const listening = catalog.onChange((uid) =>
      told.push(`${uid} ${catalog.get(uid)?.name ?? "gone"}`),
    );
    catalog.put(readPolicyObject("TracingPolicy", object("a")));
    catalog.put(readPolicyObject("TracingPolicy", object("b")));
    catalog.delete("uid-a");
    catalog.delete("uid-a");
    listening[Symbol.dispose]();
    catalog.delete("uid-b");
    expect(told).toEqual(["uid-a a", "uid-b b", "uid-a gone"]);
    expect([...catalog.all()]).toEqual([]);
  });
});

describe("one name, two kinds", () => {
  const tracing = (createdAt: string, name = "a") =>
    readPolicyObject("TracingPolicy", withTime(object(name), createdAt));
  const guard = (createdAt: string, name = "a") =>
    readPolicyObject("GuardPolicy", withTime(object(name), createdAt, "guard"));
  const withTime = (raw: ReturnType<typeof object>, creationTimestamp: string, uid?: string) => ({
    ...raw,
    metadata: { ...raw.metadata, ...(uid !== undefined && { uid }), creationTimestamp },
  });
  const [early, late] = ["2026-11-20T15:00:00Z", "2026-11-20T15:00:01Z"];

  it.each([
    ["the older comes first", [tracing(early), guard(late)]],
    ["the older comes last", [guard(late), tracing(early)]],
  ])("refuses the younger: %s", (_, policies) => {
    const catalog = createPolicyCatalog();
    for (const policy of policies) catalog.put(policy);
    expect(catalog.get("uid-a")).toMatchObject({ compiled: { value: {} } });
    expect(catalog.get("guard")).toMatchObject({
      isNameTaken: true,
      compiled: {
        problems: [{ message: expect.stringContaining('There is a TracingPolicy "a" already') }],
      },
    });
    // What was compiled is not lost.
    expect(catalog.asPut("guard")?.compiled.value).toBeDefined();
  });

  it("gives the name to the other when it becomes free, and tells of both", () => {
    const catalog = createPolicyCatalog();
    catalog.put(tracing(early));
    catalog.put(guard(late));
    const told: string[] = [];
    using _ = catalog.onChange((uid) =>
      told.push(`${uid} ${catalog.get(uid)?.isNameTaken ?? "free"}`),
    );
    catalog.put(guard(late));
    catalog.delete("uid-a");
    expect(told).toEqual(["guard true", "uid-a free", "guard free"]);
    expect(catalog.get("guard")?.compiled.value).toBeDefined();
    catalog.delete("guard");
    expect([...catalog.all()]).toEqual([]);
  });

  it("takes the name from one that is in force if an older one is found", () => {
    const catalog = createPolicyCatalog();
    catalog.put(guard(late));
    const told: string[] = [];
    using _ = catalog.onChange((uid) =>
      told.push(`${uid} ${catalog.get(uid)?.isNameTaken ?? "free"}`),
    );
    catalog.put(tracing(early));
    // The one that loses it goes first.
    expect(told).toEqual(["guard true", "uid-a free"]);
  });

  it("is no matter for other names and namespaces", () => {
    const catalog = createPolicyCatalog();
    catalog.put(tracing(early));
    catalog.put(guard(late, "b"));
    const raw = object("a");
    catalog.put(
      readPolicyObject("GuardPolicyNamespaced", {
        ...raw,
        metadata: { ...raw.metadata, uid: "n", namespace: "web" },
      }),
    );
    expect([...catalog.all()].map(({ isNameTaken }) => isNameTaken)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("a policy of the API", () => {
  it("is read without what the API server and controllers add", () => {
    const read = readPolicyObject("TracingPolicyNamespaced", {
      ...object("a"),
      metadata: {
        ...object("a").metadata,
        namespace: "web",
        annotations: { "gander.dev/paused": "true" },
        creationTimestamp: "2026-11-20T15:00:00Z",
        managedFields: [{ manager: "kubectl" }],
      },
      status: { observedGeneration: 2 },
    });
    expect(read).toMatchObject({
      kind: "TracingPolicyNamespaced",
      uid: "uid-a",
      namespace: "web",
      name: "a",
      generation: 3,
      annotations: { "gander.dev/paused": "true" },
      createdAt: "2026-11-20T15:00:00Z",
      status: { observedGeneration: 2 },
    });
    expect(read.object).toEqual({
      apiVersion: "cilium.io/v1alpha1",
      kind: "TracingPolicyNamespaced",
      metadata: {
        name: "a",
        namespace: "web",
        uid: "uid-a",
        resourceVersion: "1",
        generation: 3,
        annotations: { "gander.dev/paused": "true" },
        creationTimestamp: "2026-11-20T15:00:00Z",
      },
      spec: object("a").spec,
    });
    expect(read.compiled.value?.policy).toMatchObject({ name: "a", namespace: "web" });
    expect(read.compiled.value?.encoded.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("that cannot be compiled has all of its problems", () => {
    const broken = { ...object("a"), spec: { kprobes: [{ call: "no syscall" }, { cal: "x" }] } };
    const { compiled } = readPolicyObject("TracingPolicy", broken);
    expect(compiled.problems?.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["spec.kprobes[0].call", "spec.kprobes[1].cal"]),
    );
  });

  it("is compiled again only when its spec is another one", () => {
    const first = readPolicyObject("TracingPolicy", object("a"));
    const same = readPolicyObject("TracingPolicy", { ...object("a"), status: { hits: 7 } }, first);
    expect(same.compiled).toBe(first.compiled);
    expect(same.status).toEqual({ hits: 7 });
    const next = object("a", "sys_umount2");
    const other = { ...next, metadata: { ...next.metadata, generation: 4 } };
    expect(readPolicyObject("TracingPolicy", other, first).compiled).not.toBe(first.compiled);
  });
});
