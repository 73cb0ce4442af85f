// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CompiledHook, checkPolicyFile } from "@gander/policy";
import { describe, expect, test } from "vitest";
import { eventOf, policyIn, policyWith } from "../../test/recordings.ts";
import { companionOf, recordedCall } from "./index.ts";

const root = join(import.meta.dirname, "../../../..");
const files = [
  ...globSync("policies/**/*.yaml", { cwd: root }),
  ...globSync("packages/policy/test/fixtures/valid/*.yaml", { cwd: root }),
];
const policies = files.flatMap((file) => {
  const { value } = checkPolicyFile(readFileSync(join(root, file), "utf8"), { file });
  return (value?.policies ?? []).map(
    (policy) => [`${file} ${policy.compiled.name}`, policy] as const,
  );
});
const options = { name: "companion", firstHook: 3, withoutPids: [12, 34] };

const place = ({ kind, target, others, generated, program, syscall, raw, args }: CompiledHook) => ({
  ...{ kind, target, others, generated, program, syscall, raw, args },
});

describe("a companion", () => {
  test.each(policies)("of %s has its hooks and arguments, and no filters", (_, policy) => {
    const { value, problems } = companionOf(policy, options);
    if (value === undefined) {
      expect(problems?.map(({ message }) => message).join()).toContain("`loader: true`");
      return;
    }
    const { compiled } = policyIn(value.text);
    const hooks = policy.compiled.hooks.filter(({ path }) => !path.startsWith("spec.enforcers"));
    const own = new Map(hooks.map((hook) => [hook.path, hook]));
    expect(compiled.hooks.map(place)).toEqual([...own.values()].map(place));
    expect(value.hooks).toHaveLength(compiled.hooks.length);
    expect(compiled).toMatchObject({ mode: "monitor-only", namespace: "" });
    expect(compiled.workloads).toBeUndefined();
    for (const [i, { selectors, message }] of compiled.hooks.entries()) {
      expect(message).toBe(`gander-recording-hook-${3 + i}`);
      expect(selectors).toHaveLength(1);
      expect(selectors[0]).toMatchObject({
        filters: [{ on: "pid", negate: true, pids: [12, 34] }],
        ...{ returnFilters: [], actions: [], returnActions: [] },
      });
    }
  });

  test("keeps the values that filters test, and no others", () => {
    const kprobe = {
      ...{ call: "security_test", syscall: false },
      args: [
        { index: 0, type: "sock" },
        { index: 1, type: "int" },
        { index: 2, type: "nop" },
        { index: 3, type: "file" },
      ],
      data: [{ index: 0, type: "int", source: "current_task", resolve: "tgid" }],
      selectors: [
        {
          matchArgs: [
            { index: 0, operator: "DPort", values: ["80"] },
            { index: 3, operator: "Prefix", values: ["/a"] },
          ],
          matchData: [{ index: 0, operator: "Equal", values: ["1"] }],
        },
      ],
    };
    const { value } = companionOf(policyWith(kprobe), { ...options, firstHook: 0 });
    const hooks = value?.hooks ?? [];
    expect(hooks[0]?.args.map(({ kept }) => kept)).toEqual([true, false, false, true, true]);
    const sock = { family: "AF_INET", daddr: "10.0.0.1", dport: 80, sport: 4711, cookie: "1" };
    const args = [{ sock_arg: sock, label: "s" }, { int_arg: 5 }, { file_arg: { path: "/a" } }];
    const event = eventOf({ args, more: { data: [{ int_arg: 7 }] } });
    expect(recordedCall(event, hooks, new Set())?.args).toEqual([
      { sock_arg: { family: "AF_INET", daddr: "10.0.0.1", dport: 80 } },
      ...[null, null, { file_arg: { path: "/a" } }, { int_arg: 7 }],
    ]);
    // An event that does not have what the hook has: nothing is taken for something else.
    const other = eventOf({ args: args.slice(1), more: { data: [{ int_arg: 7 }] } });
    expect(recordedCall(other, hooks, new Set())?.args).toEqual([null, null, null, null, null]);
  });

  test.each([
    {},
    { process_exec: {} },
    { process_kprobe: { message: "gander-recording-hook-9" } },
    { process_kprobe: { message: 4 } },
  ])("has no event %j", (event) => {
    expect(recordedCall(event, [], new Set())).toBeUndefined();
  });
});
