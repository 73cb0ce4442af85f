// SPDX-License-Identifier: Apache-2.0
// Sets of values between the operator and a sensor: sent once, for all policies that name them.
import { createLogger } from "@gander/base";
import { describe, expect, it } from "vitest";
import { createPolicyCatalog } from "../../../packages/operator/src/api/policy-catalog.ts";
import { readPolicyObject } from "../../../packages/operator/src/api/read-policy-object.ts";
import { coalesce } from "../../../packages/operator/src/bundles/coalesce.ts";
import { createExceptionCatalog } from "../../../packages/operator/src/exceptions/exception-catalog.ts";
import { PolicyRollouts } from "../../../packages/operator/src/policies/policy-rollouts.ts";
import { defaultRollout } from "../../../packages/operator/src/policies/rollout-settings.ts";
import { createSetCatalog } from "../../../packages/operator/src/sets/set-catalog.ts";
import { TestNode } from "./test-node.ts";
import { TestOperator } from "./test-operator.ts";

const eventually = (holds: () => unknown) =>
  expect.poll(holds, { timeout: 15_000, interval: 5 }).toBeTruthy();

const guard = (name: string, set: string) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: "1", generation: 1 },
  spec: {
    lsmhooks: [
      {
        hook: "bprm_check_security",
        selectors: [{ matchBinaries: [{ operator: "In", values: [`set:${set}`] }] }],
      },
    ],
  },
});

/** Two policies that name the set `shells`, and a node that has them. */
async function connected() {
  const parts = new AsyncDisposableStack();
  const operator = parts.use(await new TestOperator().start());
  const [catalog, sets] = [createPolicyCatalog(), createSetCatalog({ gapMs: 0 })];
  const changes = coalesce<string>((nodes) => void operator.hub.push(nodes));
  parts.defer(() => changes.close());
  const rollouts = parts.use(
    new PolicyRollouts(
      {
        ...{ catalog, sets, logger: createLogger({ write: () => {} }) },
        exceptions: createExceptionCatalog(),
        ...{ resolver: operator.resolver, contents: operator.contents },
        changes,
      },
      defaultRollout,
    ),
  );
  rollouts.start();
  sets.put({ name: "shells", values: ["/bin/sh"] });
  for (const name of ["a", "b"])
    catalog.put(readPolicyObject("GuardPolicy", guard(name, "shells")));
  const node = parts.use(new TestNode());
  node.connect(operator);
  await eventually(() => node.kernel.versions.length > 0);
  return { operator, catalog, sets, node, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Name of the policy → paths of its filter, of the last version. */
function pathsOn(node: TestNode): Readonly<Record<string, readonly string[]>> {
  const { policies } = node.kernel.versions.at(-1) ?? { policies: [] };
  return Object.fromEntries(
    policies.map(({ name, compiled }) => {
      const [filter] = compiled.hooks[0]?.selectors[0]?.filters ?? [];
      return [name, filter?.on === "binary" ? filter.paths : []];
    }),
  );
}

describe("sets of values", () => {
  it("have their values on the node, in every policy, and change in one version", async () => {
    await using at = await connected();
    const { node, sets } = at;
    expect(pathsOn(node)).toEqual({ a: ["/bin/sh"], b: ["/bin/sh"] });
    const before = node.kernel.versions.length;
    sets.put({ name: "shells", values: ["/bin/bash", "/bin/sh"] });
    await eventually(() => node.kernel.versions.length > before);
    expect(node.kernel.versions.length).toBe(before + 1);
    const both = ["/bin/bash", "/bin/sh"];
    expect(pathsOn(node)).toEqual({ a: both, b: both });
    expect(node.said("refused")).toBe(false);
  });

  it("are on disk, with the policies", async () => {
    await using at = await connected();
    await using again = await at.node.restart();
    expect(pathsOn(again)).toEqual({ a: ["/bin/sh"], b: ["/bin/sh"] });
    again.connect(at.operator);
    await eventually(() => again.status.connected);
    await eventually(() => at.operator.hub.session("a")?.isWaiting === false);
    // It had it all.
    expect(again.kernel.versions.length).toBe(1);
  });

  it("that are gone keep their last values on the node, even after a restart", async () => {
    await using at = await connected();
    const { node, sets, operator } = at;
    sets.delete("shells");
    await eventually(() => node.keeper.exceptions.length === 2);
    expect(pathsOn(node)).toEqual({ a: ["/bin/sh"], b: ["/bin/sh"] });
    expect(node.keeper.exceptions[0]).toMatchObject({
      state: "refused",
      code: "bundle-set-missing",
      message: 'there is no set "shells"; it stays in force with the values that it had',
      runningGeneration: 1,
    });
    await using again = await node.restart();
    expect(pathsOn(again)).toEqual({ a: ["/bin/sh"], b: ["/bin/sh"] });
    again.connect(operator);
    await eventually(() => again.status.connected);
    await eventually(() => operator.hub.session("a")?.isWaiting === false);
    expect(pathsOn(again)).toEqual({ a: ["/bin/sh"], b: ["/bin/sh"] });
    sets.put({ name: "shells", values: ["/bin/zsh"] });
    await eventually(() => pathsOn(again).b?.join() === "/bin/zsh");
    expect(again.keeper.exceptions).toEqual([]);
  });

  it("that do not suit a policy leave it as it is, and the others have them", async () => {
    await using at = await connected();
    const { node, sets, catalog } = at;
    const other = guard("c", "shells");
    const lsmhooks = JSON.parse(
      JSON.stringify(other.spec.lsmhooks).replace("matchBinaries", "matchExecArgs"),
    );
    lsmhooks[0].selectors[0].matchExecArgs[0].operator = "Equal";
    catalog.put(readPolicyObject("GuardPolicy", { ...other, spec: { lsmhooks } }));
    await eventually(() => node.kernel.inForce["uid-c"] === 1);
    const long = `/${"x".repeat(300)}`;
    sets.put({ name: "shells", values: [long] });
    await eventually(() => node.keeper.exceptions.length === 2);
    expect(pathsOn(node)).toMatchObject({ a: ["/bin/sh"], b: ["/bin/sh"] });
    expect(node.keeper.exceptions.map(({ uid, code }) => [uid, code])).toEqual([
      ["uid-a", "policy-bad-set"],
      ["uid-b", "policy-bad-set"],
    ]);
    const c = node.kernel.versions.at(-1)?.policies.find(({ uid }) => uid === "uid-c");
    expect(JSON.stringify(c?.compiled.hooks)).toContain(long);
  });

  it("that never were hold a policy back, and no other", async () => {
    await using at = await connected();
    const { node, catalog, sets } = at;
    catalog.put(readPolicyObject("GuardPolicy", guard("c", "later")));
    await eventually(() => node.keeper.exceptions.length === 1);
    expect(node.kernel.inForce).toEqual({ "uid-a": 1, "uid-b": 1 });
    sets.put({ name: "later", values: ["/bin/later"] });
    await eventually(() => pathsOn(node).c?.join() === "/bin/later");
  });
});
