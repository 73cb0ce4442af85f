// SPDX-License-Identifier: Apache-2.0
// Exceptions by workload, as the operator sends them: for the pods that they choose, and for no others.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { applyExceptions, checkPolicyFile } from "@gander/policy";
import {
  containerCgroup,
  guarded,
  makeCgroup,
  pod,
  podCgroup,
  startGuestNode,
  startInmate,
  until,
} from "../../../test/guest-pods.ts";
import type { NodePolicy } from "./node-version.ts";

const sensor = await startGuestNode({ name: "gander-excepted-pods" });
after(() => sensor[Symbol.asyncDispose]());
const { node } = sensor;

const file = join(guarded, "excepted");

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: guard }
spec:
  kprobes:
  - call: security_file_permission
    syscall: false
    args: [{ index: 0, type: file }, { index: 1, type: int }]
    selectors:
    - matchArgs:
      - { index: 0, operator: Prefix, values: ["${file}"] }
      - { index: 1, operator: Equal, values: ["2"] }
      matchActions: [{ action: Override, argError: -1 }]
`;

const exception = (spec: string, namespace = "") => `---
apiVersion: gander.dev/v1alpha1
kind: PolicyException${namespace === "" ? "" : "Namespaced"}
metadata: { name: backup${namespace === "" ? "" : `, namespace: ${namespace}`} }
spec:
  reason: a test
  policies: [guard]
  ${spec}
`;

/** As the operator makes it. */
function excepted(...exceptions: readonly string[]): NodePolicy {
  const { value, problems } = checkPolicyFile(policy + exceptions.join(""), { file: "test.yaml" });
  const checked = value?.policies[0];
  assert.ok(checked, problems?.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  const all = value?.exceptions ?? [];
  const { policy: compiled, uses } = applyExceptions(checked.compiled, all, "cluster");
  for (const { state, message } of uses) assert.equal(state, "applies", message);
  return { uid: "u", generation: 1, name: "guard", namespace: "", mode: "", compiled };
}

const inmateOf = (name: string) => startInmate(makeCgroup(containerCgroup(podCgroup(name), "one")));

test("only the pods of its namespace and labels pass", async () => {
  await using chosen = await inmateOf("a");
  await using sameLabels = await inmateOf("b");
  await using sameNamespace = await inmateOf("c");
  await using unknown = await inmateOf("d");
  await using host = await startInmate(undefined);
  const all = [chosen, sameLabels, sameNamespace, unknown, host];
  const pods = [
    { ...pod("a", ["u"], { app: "backup" }), namespace: "shop" },
    // A tenant that gives its own pods the labels of the exception.
    { ...pod("b", ["u"], { app: "backup" }), namespace: "bank" },
    { ...pod("c", ["u"], { app: "web" }), namespace: "shop" },
  ];
  const writing = () => Promise.all(all.map((one) => one.writes(file)));
  await node.apply({ policies: [excepted()], pods });
  assert.deepEqual(await writing(), [false, false, false, false, false]);
  const spec = "podSelector: { matchLabels: { app: backup } }";
  const versions = [
    excepted(exception(`namespaces: [shop]\n  ${spec}`)),
    excepted(exception(spec, "shop")),
  ];
  for (const one of versions) {
    assert.deepEqual(await node.apply({ policies: [one], pods }), []);
    // The program that tests workloads is attached beside the one without: for a moment, both decide.
    await until(() => chosen.writes(file));
    assert.deepEqual(await writing(), [true, false, false, false, false]);
  }
  // Its labels change, without another version of the policy.
  const [first, ...others] = pods;
  assert.ok(first);
  const moved = [{ ...first, labels: { app: "web" } }, ...others];
  await node.apply({ policies: versions.slice(1), pods: moved });
  assert.deepEqual(await writing(), [false, false, false, false, false]);
  const [counts] = node.counts().policies;
  assert.ok((counts?.exceptions?.[0]?.hits ?? 0n) > 0n);
});

test("it ends at its time without another version, and the policy stays", async () => {
  await using chosen = await inmateOf("e");
  const pods = [{ ...pod("e", ["u"], { app: "backup" }), namespace: "shop" }];
  const expires = new Date(Date.now() + 4_000).toISOString();
  const one = excepted(exception(`namespaces: [shop]\n  expires: "${expires}"`));
  await node.apply({ policies: [one], pods });
  assert.equal(await chosen.writes(file), true);
  await until(async () => !(await chosen.writes(file)));
  assert.ok(Date.now() >= Date.parse(expires));
  // Given once more, as after a new connection: it has ended for good.
  await node.apply({ policies: [one], pods });
  assert.equal(await chosen.writes(file), false);
});
