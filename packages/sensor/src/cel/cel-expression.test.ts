// SPDX-License-Identifier: Apache-2.0
import type { GetEventsResponse } from "@gander/proto";
import { describe, expect, it } from "vitest";
import { compileCel } from "./cel-expression.ts";

const shell: GetEventsResponse = {
  process_exec: {
    process: {
      exec_id: "a",
      pid: { value: 42 },
      uid: {},
      binary: "/bin/sh",
      arguments: "-c 'curl x'",
      start_time: { seconds: "1768478400", nanos: 5 },
      refcnt: 1,
      cap: { effective: ["CAP_CHOWN", "CAP_BPF"] },
      in_init_tree: { value: true },
      pod: { namespace: "prod", name: "web-1", pod_labels: { app: "web", "a/b": "c" } },
    },
    ancestors: [{ binary: "/usr/bin/node" }, { binary: "/sbin/init" }],
  },
};

const write: GetEventsResponse = {
  process_kprobe: {
    process: { pid: { value: 7 }, binary: "/bin/dd" },
    function_name: "security_file_permission",
    args: [
      { file_arg: { path: "/etc/passwd" } },
      { int_arg: 2 },
      { size_arg: "18446744073709551615" },
    ],
    action: "KPROBE_ACTION_SIGKILL",
    policy_name: "p",
    tags: ["x", "y"],
  },
};

function holds(expression: string, event: object = shell): boolean {
  const { value, problem } = compileCel(expression);
  expect(problem).toBeUndefined();
  return value?.(event) ?? false;
}

const p = "process_exec.process";
const k = "process_kprobe";

describe("compileCel", () => {
  it.each([
    `${p}.binary == "/bin/sh"`,
    `${p}.binary != "/bin/bash"`,
    `${p}.binary.startsWith("/bin/") && ${p}.arguments.contains("curl")`,
    `${p}.binary.endsWith("sh") || false`,
    `${p}.binary.matches("^/(usr/)?bin/.?sh$")`,
    `!${p}.binary.matches("zsh")`,
    // Wrapped and unsigned numbers, with and without u.
    `${p}.pid == 42`,
    `${p}.pid == 42u`,
    `${p}.pid > 41u && ${p}.pid <= 42`,
    `${p}.pid in [1, 42]`,
    `${p}.pid in [1u, 42u]`,
    `${p}.uid == 0u`,
    `${p}.refcnt == 1`,
    `${p}.in_init_tree == true`,
    // Not set: null for what is wrapped, else the default.
    `${p}.auid == null`,
    `${p}.cwd == ""`,
    `${p}.docker.size() == 0`,
    `process_exec.parent.pod.name == ""`,
    `process_kprobe.policy_name == ""`,
    `has(${p}.pod)`,
    `has(${p}.pid) && !has(${p}.cwd) && !has(process_exec.parent)`,
    `has(process_exec.ancestors) && !has(${p}.cap.permitted)`,
    `${p}.pod.namespace == "prod"`,
    `${p}.pod.pod_labels["app"] == "web"`,
    `${p}.pod.pod_labels.app == "web"`,
    `"a/b" in ${p}.pod.pod_labels`,
    `!("x" in ${p}.pod.pod_labels)`,
    `size(${p}.pod.pod_labels) == 2`,
    `${p}.pod.pod_labels.exists(key, key.startsWith("a/"))`,
    `process_exec.ancestors.exists(a, a.binary == "/usr/bin/node")`,
    `process_exec.ancestors.all(a, a.binary != "")`,
    `process_exec.ancestors.exists_one(a, a.binary.contains("init"))`,
    `process_exec.ancestors.filter(a, a.binary.contains("bin")).size() == 2`,
    `process_exec.ancestors.map(a, a.binary)[1] == "/sbin/init"`,
    `process_exec.ancestors[0].binary == "/usr/bin/node"`,
    `process_exec.ancestors.exists(a, process_exec.ancestors.exists(b, a.binary != b.binary))`,
    `CapabilitiesType.CAP_BPF in ${p}.cap.effective`,
    `${p}.cap.effective.exists(c, c == 39)`,
    `${p}.start_time > timestamp("2026-01-15T00:00:00Z")`,
    `${p}.start_time - timestamp("2026-01-15T12:00:00Z") < duration("1s")`,
    `timestamp("2026-01-15T12:00:00Z") + duration("1h30m") == timestamp("2026-01-15T13:30:00Z")`,
    `${p}.pid + 1 == 43 && 7 / 2 == 3 && 7 % 2 == 1 && -2 * 3 == -6`,
    `1.5 + 0.5 == 2.0 && 1 < 1.5 && double("2.5") > 2.0`,
    `int("12") == 12 && string(${p}.pid) == "42" && bool("true")`,
    `${p}.binary + "x" == "/bin/shx"`,
    `${p}.pid == 1 ? false : true`,
    `{"a": 1}["a"] == 1 && [1, 2] == [1, 2] && [1] + [2] == [1, 2]`,
    `size("äö") == 2`,
    // An error does not matter where the other side decides.
    `${p}.pod.pod_labels["none"] == "x" || true`,
    `true || ${p}.pod.pod_labels["none"] == "x"`,
    `[0, 1].exists(x, 1 / x == 1)`,
  ])("%s", (expression) => {
    expect(holds(expression)).toBe(true);
  });

  it.each([
    `${k}.args[0].file_arg.path.startsWith("/etc/")`,
    `${k}.args.exists(a, a.file_arg.path == "/etc/passwd")`,
    `${k}.args[1].int_arg == 2`,
    `${k}.args[2].size_arg == 18446744073709551615u`,
    `${k}.args.exists(a, has(a.int_arg) && !has(a.file_arg))`,
    `${k}.action == KprobeAction.KPROBE_ACTION_SIGKILL`,
    `${k}.action == 3`,
    `"x" in ${k}.tags`,
    `${k}.policy_name in ["p", "q"] && process_exec.process.binary == ""`,
  ])("%s, of a hook", (expression) => {
    expect(holds(expression, write)).toBe(true);
  });

  it.each([
    // What has no value is not fulfilled, and neither is its opposite.
    `${p}.pod.pod_labels["none"] == "x"`,
    `!(${p}.pod.pod_labels["none"] == "x")`,
    `process_exec.ancestors[7].binary == ""`,
    `${p}.auid > 1`,
    `1 / 0 == 1`,
    `9223372036854775807 * 9223372036854775807 == 1`,
    `int("x") == 1`,
    `[0, 1].all(x, 1 / x == 1)`,
  ])("%s is not fulfilled", (expression) => {
    expect(holds(expression)).toBe(false);
  });

  it.each([
    [`${p}.binary =`, /^1:29: /],
    [`${p}.pid.value >`, /^1:\d+: /],
    ["", /\S/],
    [`${p}.bad == 1`, /^1:22: No such key: bad$/],
    [`process_exce.process.pid == 1`, /^1:1: .*process_exce/],
    [`true &&\n  ${p}.binary == 1`, /^2:3: .*string == int/],
    [`${p}.binary`, /^1:1: .*bool.*string/],
    [`${p}.binary.matches("(")`, /^1:37: .*missing closing/],
    [`${p}.binary.matches("(?<=x)y")`, /^1:37: /],
    [`${p}.binary.matches(${p}.cwd)`, /^1:\d+: .*quotes/],
    [`${p}.binary.split("/").size() > 1`, /split\(\) is not available.*startsWith/],
    [`cel.bind(x, ${p}.binary, x == x)`, /not available/],
    [`type(${p}.binary) == string`, /not available/],
    [`${p}.constructor == 1`, /No such key/],
    [`${p}.__proto__ == 1`, /No such key/],
    [`${"(".repeat(200)}true${")".repeat(200)}`, /depth/i],
    [`[${"1,".repeat(300)}1].exists(x, x == 1)`, /list|element/i],
    [`${"true || ".repeat(2_000)}true`, /characters/],
    [`${"t || ".repeat(1_000)}true`, /nodes|depth/i],
  ])("refuses %s", (expression, problem) => {
    expect(compileCel(expression).problem).toMatch(problem);
  });

  it("ends what would take too long", () => {
    const list = `[${Array.from({ length: 200 }, (_, i) => i).join(",")}]`;
    const loops = "abcd"
      .split("")
      .reduceRight((body, name) => `${list}.all(${name}, ${body})`, "a + b + c + d >= 0");
    const begin = performance.now();
    expect(holds(loops)).toBe(false);
    const long = { process_exec: { process: { arguments: "a".repeat(262_144) } } };
    const texts = `${list}.all(x, ${p}.arguments.matches("(x*)*y") || true)`;
    expect(holds(texts, long)).toBe(false);
    const grown = `${list}.map(x, ${p}.arguments + ${p}.arguments).size() == 200`;
    expect(holds(grown, long)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });
});
