// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { readLibrary, selectionWords, selectPolicies } from "./index.ts";

const library = readLibrary();
/** They hit what no case can do: run for minutes, or come into a container from outside. */
const untried = ["secrets-after-start", "sessions-start-nothing"];
const enforcing = ["override", "sigkill", "signal"];

describe("the policy library", () => {
  it("has names for one thing each", () => {
    const names = library.flatMap(({ name, pack }) => [name, pack]);
    const packs = new Set(library.map(({ pack }) => pack));
    expect(new Set(names).size).toBe(library.length + packs.size);
    expect(selectionWords(library)).toHaveLength(library.length + packs.size + 3);
  });

  it("is chosen by level, pack and name", () => {
    const { value = [] } = selectPolicies(library, ["guard", "mounts"]);
    expect(value.map(({ name }) => name)).toContain("mounts");
    expect(value.every(({ level, name }) => level === "guard" || name === "mounts")).toBe(true);
    expect(selectPolicies(library, ["guards"]).problems?.[0]?.hint).toBe("Did you mean guard?");
  });
});

describe.each(library.map((policy) => [policy.name, policy] as const))("%s", (name, policy) => {
  const { compiled } = policy.checked;
  const actions = compiled.hooks.flatMap(({ selectors }) =>
    selectors.map((one) => [...one.actions, ...one.returnActions].map(({ action }) => action)),
  );

  it("lies where its labels say", () =>
    expect(policy.file).toBe(`${policy.pack}/${name}/policy.yaml`));

  it("is for the pods of its level", () => {
    const { matchLabels, matchExpressions } = compiled.workloads?.podSelector ?? {};
    expect(matchLabels ?? {}).toEqual({});
    const mine = { key: `guard.gander.dev/${name}`, operator: "Exists", values: [] };
    if (policy.level === "strict") expect(matchExpressions).toEqual([mine]);
    // The whole cluster, or all but namespaces whose task it is.
    else for (const one of matchExpressions ?? []) expect(one.operator).toBe("NotIn");
    expect(compiled.workloads?.podSelector).toBeDefined();
  });

  it("does what its level says", () => {
    const enforces = actions.map((list) => list.some((one) => enforcing.includes(one)));
    if (policy.level === "observe") expect(enforces).not.toContain(true);
    else expect(enforces).not.toContain(false);
  });

  it("says what it is", () => {
    for (const technique of policy.techniques) expect(technique).toMatch(/^T\d{4}(\.\d{3})?$/);
    expect(policy.stops).toMatch(/^[A-Z].*\.$/s);
    expect(policy.falsePositives).toMatch(/\.$/);
    expect(policy.eventsAnHour).toBeGreaterThanOrEqual(0);
    expect(policy.checked.warnings).toEqual([]);
  });

  it("has exceptions of its own", () => {
    for (const exception of parseAllDocuments(policy.exceptions))
      expect(exception.toJS()).toMatchObject({
        ...{ kind: "PolicyException", metadata: { name: expect.stringContaining(`${name}-`) } },
        spec: { policies: [name], reason: expect.stringMatching(/^[A-Z].*[^.]$/) },
      });
  });

  it("touches nothing of the machine where its cases are done", () => {
    for (const { mounts } of policy.cases)
      for (const what of Object.values(mounts))
        if (what.startsWith("/")) expect(what).toMatch(/^\/(dev|proc|sys)\//);
  });

  it("has cases that it hits, and cases that it leaves alone", () => {
    const verdicts = policy.cases.map(({ expect: verdict }) => verdict);
    expect(verdicts).toContain("allowed");
    const hit = policy.level === "observe" ? "reported" : /denied|killed/;
    if (!untried.includes(name)) expect(verdicts.join(" ")).toMatch(hit);
  });
});
