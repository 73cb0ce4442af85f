// SPDX-License-Identifier: Apache-2.0
// CONTRIBUTING.md says what adds a word to the language. Here it is done, in a copy of this tree.
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const contributing = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

/** What is put in, behind a text that the file has once. */
type Edit = { readonly behind: string; readonly put: string };
type Recipe = Readonly<Record<string, readonly Edit[]>>;

/** A number that is counted in dozens. */
const argType: Recipe = {
  "packages/crd-schemas/src/language/arg-types.ts": [
    {
      behind: `size_t: integer(false, 64, "U64", "size"),`,
      put: `dozen: { family: "integer", says: "a number of dozens", bits: 64, signed: false, read: "DOZEN", readUser: "DOZEN", event: "size" },`,
    },
  ],
  "bpf/records.h": [{ behind: "VALUE_U32, VALUE_S32,", put: " VALUE_DOZEN," }],
  "bpf/routes.bpf.h": [
    {
      behind: "		return (__s64)(__s32)raw;\n",
      put: "	case VALUE_DOZEN:\n		return raw / 12;\n",
    },
  ],
};

/** A signal that the policy doesn't choose. */
const action: Recipe = {
  "packages/crd-schemas/src/language/actions.ts": [
    {
      behind: "const actions = {\n",
      put: `  Nudge: { word: "nudge", says: "the process is woken", enforces: "NUDGE", on: "process", event: "SIGNAL" },\n`,
    },
  ],
  "bpf/records.h": [
    { behind: "	ACTION_USER_STACK = 32,\n", put: "	ACTION_NUDGE = 4096,\n" },
    { behind: "ACTION_ENFORCE = ACTION_KILL |", put: " ACTION_NUDGE |" },
  ],
  "bpf/verdict.bpf.h": [
    {
      behind: "enforce_signal(s, count, ACTION_SIGNAL, verdict->signal, &count->signalled);\n",
      put: "	if (actions & ACTION_NUDGE && !exempt)\n		enforce_signal(s, count, ACTION_NUDGE, 10, &count->signalled);\n",
    },
    {
      behind: "	if (actions & ACTION_SIGNAL)\n		add(count->would_signal);\n",
      put: "	if (actions & ACTION_NUDGE)\n		add(count->would_signal);\n",
    },
  ],
};

/** A bound that is itself allowed. */
const operator: Recipe = {
  "packages/crd-schemas/src/language/arg-operators.ts": [
    {
      behind: "const boundTests = {\n",
      put: `  "at-least": {
    form: "bound",
    row: "AT_LEAST",
    verbs: ["is at least", "is less than"],
    join: (values) => ascending(values)[0] ?? 0n,
    holds: (value, bound) => value >= bound,
    never: () => undefined,
  },
`,
    },
    {
      behind: `  LessThan: is("less", integers),\n`,
      put: `  AtLeast: is("at-least", integers),\n`,
    },
  ],
  "bpf/abi.h": [{ behind: "ROW_EQUAL, ROW_GREATER,", put: " ROW_AT_LEAST," }],
  "bpf/rows.bpf.h": [
    {
      behind: "hit = is_less(row, value, row->values[0]);\n		break;\n",
      put: "	case ROW_AT_LEAST:\n		hit = !is_less(row, value, row->values[0]);\n		break;\n",
    },
  ],
};

describe("a word is added to the language by the recipe of CONTRIBUTING.md", {
  timeout: 300_000,
}, () => {
  const copy = mkdtempSync(join(tmpdir(), "gander-recipes."));
  beforeAll(() => {
    copyTree(copy);
    for (const recipe of [argType, action, operator]) apply(recipe, copy);
    run("make", "-C", "bpf", "-j2");
    run("node", "packages/crd-schemas/scripts/generate.ts");
    run("node", "packages/sensor/scripts/generate-abi.ts");
  }, 300_000);
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { cwd: copy, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

  test.each([
    ["Add an argument type", argType],
    ["Add an action", action],
    ["Add an operator", operator],
  ])("%s: at most three files, which are named there", (heading, recipe) => {
    const [, section = ""] = contributing.split(`## ${heading}\n`);
    const named = section.split("\n## ")[0] ?? "";
    expect(Object.keys(recipe).length).toBeLessThanOrEqual(3);
    for (const file of Object.keys(recipe)) expect(named).toContain(`\`${file}\``);
  });

  test("the tree compiles", () => {
    const tsc = ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "."];
    expect(spawnSync("node", tsc, { cwd: copy, encoding: "utf8" }).stdout).toBe("");
  });

  test("the API takes them", () => {
    const crd = readFileSync(
      join(copy, "charts/gander-crds/generated/cilium.io_tracingpolicies.yaml"),
      "utf8",
    );
    for (const word of ["dozen", "Nudge", "AtLeast"])
      expect(crd.includes(`"${word}"`), word).toBe(true);
  });

  test("a policy is compiled, planned for a kernel, and linked", () => {
    const script = join(copy, "packages/sensor/recipes.ts");
    writeFileSync(script, planning);
    expect(JSON.parse(run("node", script))).toEqual({
      problems: [],
      slot: "VALUE_DOZEN",
      actions: ["ACTION_POST", "ACTION_NUDGE"],
      rows: ["ROW_GREATER 4", "ROW_AT_LEAST 5"],
      mode: "enforce",
    });
  });

  test("the tests of the tables hold", () => {
    const tables = ["packages/crd-schemas/src", "packages/sensor/src/link/abi.test.ts"];
    run("node", "node_modules/vitest/vitest.mjs", "run", "--maxWorkers=1", ...tables);
  });
});

function copyTree(to: string): void {
  const git = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", git, { cwd: root, encoding: "utf8" }).split("\0");
  for (const file of files.filter((name) => name !== "")) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(root, file), join(to, file), { verbatimSymlinks: true });
  }
  // Links within node_modules are relative, so packages of ours are those of the copy.
  for (const modules of [
    "node_modules",
    ...globSync(["*/node_modules", "packages/*/node_modules"], { cwd: root }),
  ])
    cpSync(join(root, modules), join(to, modules), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/node_modules\/(\.pnpm|\.vite|\.cache)$/.test(path),
    });
  symlinkSync(join(root, "node_modules/.pnpm"), join(to, "node_modules/.pnpm"));
  cpSync(join(root, "packages/libbpf/build"), join(to, "packages/libbpf/build"), {
    recursive: true,
  });
}

function apply(recipe: Recipe, tree: string): void {
  for (const [file, edits] of Object.entries(recipe)) {
    const path = join(tree, file);
    let text = readFileSync(path, "utf8");
    for (const { behind, put } of edits) {
      expect(text.split(behind).length, `${file} has ${JSON.stringify(behind)} once`).toBe(2);
      text = text.replace(behind, () => behind + put);
    }
    writeFileSync(path, text);
  }
}

const planning = `
import { checkPolicy } from "@gander/policy";
import { action, rowOp, valueType } from "./src/link/abi.gen.ts";
import { createFollowBits } from "./src/link/follow-bits.ts";
import { link } from "./src/link/linker.ts";
import { createSetInterner } from "./src/link/set-interner.ts";
import { planHook } from "./src/plan/attach-plan.ts";

const { value, problems = [] } = checkPolicy(\`
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: dozens}
spec:
  kprobes:
  - call: do_something
    syscall: false
    args: [{index: 0, type: dozen}]
    selectors:
    - matchArgs:
      - {index: 0, operator: GT, values: ["4"]}
      - {index: 0, operator: AtLeast, values: ["7", "5"]}
      matchActions: [{action: Nudge}]
\`, { file: "dozens.yaml" });
const policy = value?.[0]?.compiled;
const facts = {
  release: "6.12.0",
  activeLsms: [],
  prototype: (name) => ({ name, returnType: "int", parameters: [{ name: "n", type: "long unsigned int" }] }),
  isTraceable: () => true,
  hasSymbol: () => true,
  hostNamespace: () => 1n,
  tracepointFormat: () => undefined,
  rawTracepoint: () => undefined,
};
const plan = policy?.hooks[0] && planHook(policy.hooks[0], facts);
const rule = plan?.rules?.[0];
const names = (table, holds) => Object.entries(table).filter(([, number]) => holds(number)).map(([name]) => name);
const planned = rule && { id: 1, hookId: 1, planned: rule, counters: [0] };
const { rows } = link({
  policies: [{ rules: planned ? [planned] : [], id: 1, budget: 0, mode: "enforce" }],
  groups: [[0]],
  sets: createSetInterner(),
  follow: createFollowBits(),
  fileIdentity: () => undefined,
  hostNamespace: () => 1n,
});
console.log(JSON.stringify({
  problems,
  slot: names(valueType, (number) => number === rule?.args[0]?.slot.type)[0],
  actions: names(action, (bit) => (bit & (bit - 1)) === 0 && (rule?.selectors[0]?.verdict.actions & bit) !== 0),
  rows: rows.slice(1).map(({ op, values }) => \`\${names(rowOp, (number) => number === op)[0]} \${values}\`),
  mode: policy?.mode,
}));
`;
