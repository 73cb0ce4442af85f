// SPDX-License-Identifier: Apache-2.0
// Exceptions between the operator and a sensor: a change is another version of each policy that they choose.
import { createLogger } from "@gander/base";
import { checkExceptionObject } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { createPolicyCatalog } from "../../../packages/operator/src/api/policy-catalog.ts";
import { readPolicyObject } from "../../../packages/operator/src/api/read-policy-object.ts";
import { coalesce } from "../../../packages/operator/src/bundles/coalesce.ts";
import { createExceptionCatalog } from "../../../packages/operator/src/exceptions/exception-catalog.ts";
import { PolicyRollouts } from "../../../packages/operator/src/policies/policy-rollouts.ts";
import { defaultRollout } from "../../../packages/operator/src/policies/rollout-settings.ts";
import { createSetCatalog } from "../../../packages/operator/src/sets/set-catalog.ts";
import { policyStatuses } from "../../../packages/operator/src/status/policy-status-objects.ts";
import { TestNode } from "./test-node.ts";
import { TestOperator } from "./test-operator.ts";

const eventually = (holds: () => unknown) =>
  expect.poll(holds, { timeout: 15_000, interval: 5 }).toBeTruthy();

const raw = (name: string, annotations: Record<string, string> = {}) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: "1", generation: 1, annotations },
  spec: {
    lsmhooks: [
      {
        hook: "file_open",
        args: [{ index: 0, type: "file" }],
        selectors: [
          {
            matchArgs: [{ index: 0, operator: "Prefix", values: ["/etc/"] }],
            matchActions: [{ action: "Override", argError: -1 }],
          },
        ],
      },
    ],
  },
});

/** A checked exception of the policy `a`. */
function exceptionOf(spec: object, namespace = "") {
  const { value, problems } = checkExceptionObject({
    apiVersion: "gander.dev/v1alpha1",
    kind: namespace === "" ? "PolicyException" : "PolicyExceptionNamespaced",
    metadata: { name: "backup", ...(namespace !== "" && { namespace }) },
    spec: { reason: "it must", policies: ["a"], ...spec },
  });
  if (value === undefined) throw new Error(JSON.stringify(problems));
  return value.exception;
}

const tar = { binaries: [{ operator: "In", values: ["/usr/bin/tar"] }] };

/** The policies `a` and `b` on a node. */
async function connected() {
  const parts = new AsyncDisposableStack();
  const operator = parts.use(await new TestOperator().start());
  const [catalog, exceptions] = [createPolicyCatalog(), createExceptionCatalog()];
  const rollouts = parts.use(
    new PolicyRollouts(
      {
        ...{ catalog, exceptions, sets: createSetCatalog() },
        logger: createLogger({ write: () => {} }),
        ...{ resolver: operator.resolver, contents: operator.contents },
        changes: coalesce((nodes) => void operator.hub.push(nodes), { quietMs: 5 }),
      },
      defaultRollout,
    ),
  );
  rollouts.start();
  for (const name of ["a", "b"]) catalog.put(readPolicyObject("GuardPolicy", raw(name)));
  const node = parts.use(new TestNode());
  node.connect(operator);
  await eventually(() => node.kernel.versions.length > 0);
  const shown = (now = new Date()) => {
    const rollout = rollouts.of("uid-a");
    if (rollout === undefined) throw new Error("there is no policy a");
    return policyStatuses({ rollout, fleet: undefined, shown: [], now }).rollUp.exceptions ?? [];
  };
  const all = { operator, catalog, exceptions, node, shown };
  return { ...all, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Name of the policy → who is excepted from it in the last version. */
function exceptedOn(node: TestNode): Readonly<Record<string, readonly string[]>> {
  const { policies } = node.kernel.versions.at(-1) ?? { policies: [] };
  return Object.fromEntries(
    policies.map(({ name, compiled }) => [
      name,
      (compiled.hooks[0]?.selectors ?? []).flatMap(({ exception, filters }) => {
        const [filter] = filters;
        return exception === undefined ? [] : filter?.on === "binary" ? filter.paths : ["?"];
      }),
    ]),
  );
}

describe("exceptions", () => {
  it("are part of the policies that they choose, change in one version, and go", async () => {
    await using at = await connected();
    const { node, exceptions } = at;
    expect(exceptedOn(node)).toEqual({ a: [], b: [] });
    let before = node.kernel.versions.length;
    exceptions.put("e", exceptionOf(tar));
    await eventually(() => exceptedOn(node).a?.join() === "/usr/bin/tar");
    expect(exceptedOn(node)).toEqual({ a: ["/usr/bin/tar"], b: [] });
    expect(node.kernel.versions.length).toBe(before + 1);
    before = node.kernel.versions.length;
    const other = { binaries: [{ operator: "In", values: ["/usr/bin/rsync"] }] };
    exceptions.put("e", exceptionOf({ ...other, policies: ["a", "b"] }));
    await eventually(() => exceptedOn(node).b?.join() === "/usr/bin/rsync");
    expect(exceptedOn(node).a).toEqual(["/usr/bin/rsync"]);
    expect(node.kernel.versions.length).toBe(before + 1);
    exceptions.delete("e");
    await eventually(() => exceptedOn(node).b?.length === 0);
    expect(exceptedOn(node)).toEqual({ a: [], b: [] });
    expect(node.keeper.exceptions).toEqual([]);
  });

  it("are on the disk of the node with their end", async () => {
    await using at = await connected();
    at.exceptions.put("e", exceptionOf({ ...tar, expires: "2030-01-01T00:00:00Z" }));
    await eventually(() => exceptedOn(at.node).a?.length === 1);
    await using again = await at.node.restart();
    expect(exceptedOn(again)).toEqual({ a: ["/usr/bin/tar"], b: [] });
    const a = again.kernel.versions.at(-1)?.policies.find(({ name }) => name === "a");
    expect(a?.compiled.hooks[0]?.selectors[0]?.exception).toEqual({
      ...{ name: "backup", namespace: "", expires: Date.UTC(2030, 0, 1) },
    });
  });

  it("of a namespace apply to a policy of the cluster as soon, and as long, as it allows that", async () => {
    await using at = await connected();
    const { node, exceptions, catalog, shown } = at;
    exceptions.put("e", exceptionOf(tar, "shop"));
    expect(shown()).toMatchObject([
      { name: "backup", namespace: "shop", state: "not-applicable", hits: 0 },
    ]);
    const allowed = { "gander.dev/namespaced-exceptions": "allowed" };
    catalog.put(readPolicyObject("GuardPolicy", raw("a", allowed)));
    await eventually(() => exceptedOn(node).a?.length === 1);
    expect(shown()).toMatchObject([{ namespace: "shop", state: "applies" }]);
    catalog.put(readPolicyObject("GuardPolicy", raw("a")));
    await eventually(() => exceptedOn(node).a?.length === 0);
  });

  it("are shown with their end, and where they do not apply", async () => {
    await using at = await connected();
    const namespaces = { namespaces: ["shop"] };
    at.exceptions.put("e", exceptionOf({ ...namespaces, expires: "2030-01-01T00:00:00Z" }));
    const expires = "2030-01-01T00:00:00.000Z";
    const shownAt = (time: string) => at.shown(new Date(time));
    expect(shownAt("2029-12-31T23:59:59Z")).toEqual([
      { name: "backup", state: "applies", expires, hits: 0 },
    ]);
    expect(shownAt(expires)).toEqual([{ name: "backup", state: "expired", expires, hits: 0 }]);
  });
});
