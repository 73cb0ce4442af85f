// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { checkPolicy, type HookPoint } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { explainDenial } from "./explain-denial.ts";
import type { InstalledPolicy } from "./index.ts";

const bpfFolder = "/sys/fs/bpf/gander";
const hooks = ["lsm:path_mkdir"];
const denied = (syscall: string) =>
  Object.assign(new Error(`EPERM: operation not permitted, ${syscall} '/x'`), {
    ...{ code: "EPERM", syscall },
  });

/** In force with an LSM program on each of the functions. */
function policy(name: string, functions: readonly string[], action = "Override"): InstalledPolicy {
  const calls = functions.map(
    (target) => `  - call: security_${target}
    syscall: false
    args: [{index: 0, type: path}]
    selectors: [{matchActions: [{action: ${action}${action === "Override" ? ", argError: -1" : ""}}]}]`,
  );
  const text = `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: {name: ${name}}\nspec:\n  kprobes:\n${calls.join("\n")}\n`;
  const { value, problems } = checkPolicy(text, { file: "test.yaml" });
  if (value?.[0] === undefined) throw new Error(JSON.stringify(problems));
  const { compiled } = value[0];
  const rule = (target: string) => ({
    ...{ id: 1, hookId: 1, counters: [] },
    planned: {
      point: { kind: "lsm", target, syscall: false } as HookPoint,
      ...{ flags: 0, args: [], selectors: [], onlyWhenEnforcing: false },
    },
  });
  return {
    ...{ key: { name, namespace: "", origin: "static" }, id: 1, revision: 1, compiled },
    ...{ mode: compiled.mode, enabled: true, budget: 0, warnings: [] },
    hooks: compiled.hooks.map((hook, i) => ({
      ...{ hook, missing: "" },
      rules: [rule(functions[i] ?? "")],
    })),
  };
}

const explained = (error: unknown, policies: readonly InstalledPolicy[]) =>
  explainDenial(error, { bpfFolder, hooks, policies }) as GanderError;

describe("an error at the start", () => {
  it("names the policy that stands in the way of the call, its hook, and what to do", () => {
    const error = explained(denied("mkdir"), [
      policy("no-mkdir", ["path_mkdir"]),
      policy("no-unlink", ["path_unlink"]),
    ]);
    expect(error).toBeInstanceOf(GanderError);
    expect(error.message).toContain('policy "no-mkdir" (LSM program on path_mkdir)');
    expect(error.message).not.toContain("no-unlink");
    expect(error.message).toContain("mkdir '/x'");
    expect(error.hint).toContain(`rm -r ${bpfFolder}`);
  });

  it("names all that enforce where the call tells nothing", () => {
    const { message } = explained(denied("sendmsg"), [
      policy("a", ["path_mkdir"]),
      policy("b", ["path_unlink", "path_rename"]),
      policy("watches", ["path_rmdir"], "Post"),
    ]);
    expect(message).toContain('"a" (');
    expect(message).toContain("path_rename");
    expect(message).not.toContain("watches");
  });

  it("names the hooks where the policies are not known", () => {
    expect(explained(denied("mkdir"), []).message).toContain("lsm:path_mkdir");
  });

  it.each([
    ["no programs of others are in force", denied("mkdir"), []],
    ["it is for people already", new GanderError("sensor-objects", "x"), hooks],
    ["the system had no part in it", new TypeError("x is not a function"), hooks],
  ])("is left as it is where %s", (_, error, attached) => {
    expect(explainDenial(error, { bpfFolder, hooks: attached, policies: [] })).toBe(error);
  });
});
