// SPDX-License-Identifier: Apache-2.0
import { nearestName, type Problem, type Result } from "@gander/base";
import * as v from "valibot";
import { isCollection, LineCounter, type Node, parseDocument } from "yaml";
import { type Operation, type OperationName, operations, wrongArguments } from "./operations.ts";

export const verdicts = ["allowed", "reported", "denied", "killed"] as const;

/**
 * allowed: it succeeds, and no event is posted. reported: it succeeds, and one is. denied: the policy refuses it.
 * killed: the policy ends the process.
 */
export type Verdict = (typeof verdicts)[number];

const path = v.pipe(v.string(), v.regex(/^\/[^:]*$/, "a path begins with / and has no colon"));
const texts = <K extends v.GenericSchema<string, string>>(key: K) => v.record(key, v.string());

const operation = v.pipe(
  v.record(v.string(), v.union([v.string(), v.array(v.string())])),
  v.check((one) => Object.keys(one).length === 1, "one operation, such as `read: /etc/passwd`"),
  v.rawTransform(({ dataset, addIssue, NEVER }): Operation => {
    const [[name, value] = ["", []]] = Object.entries(dataset.value);
    const issue = (message: string) => {
      addIssue({ message });
      return NEVER;
    };
    if (!Object.hasOwn(operations, name)) {
      const near = nearestName(name, Object.keys(operations));
      return issue(`there is no operation "${name}"${near ? `; did you mean ${near}?` : ""}`);
    }
    const args = typeof value === "string" ? [value] : value;
    const found = { name: name as OperationName, args };
    const wrong = wrongArguments(found);
    return wrong === undefined ? found : issue(wrong);
  }),
);

const testCase = v.strictObject({
  name: v.string(),
  /** Files of the container, by path: text, or `@PATH` for a copy of the node's file. */
  files: v.optional(texts(path), {}),
  /** Modes of such files, octal. */
  modes: v.optional(v.record(path, v.pipe(v.string(), v.regex(/^0[0-7]{3,4}$/))), {}),
  /** Volumes, by where they are mounted: their files. */
  volumes: v.optional(v.record(path, texts(v.string())), {}),
  /** What is mounted in the container: a type of file systems (proc, tmpfs), or a path of the node. */
  mounts: v.optional(texts(path), {}),
  /** The program that does it: a path. */
  by: v.optional(path),
  /** What happens before, without being judged. */
  given: v.optional(v.array(operation), []),
  do: operation,
  expect: v.picklist(verdicts),
});

const policyTest = v.strictObject({
  apiVersion: v.literal("gander.dev/v1alpha1"),
  kind: v.literal("PolicyTest"),
  metadata: v.strictObject({ name: v.string() }),
  /** Files with policies and sets, relative to this one. */
  policies: v.pipe(v.array(v.string()), v.minLength(1)),
  /** Sets that the cluster fills, such as kubernetes/api-server. */
  sets: v.optional(v.record(v.string(), v.array(v.string())), {}),
  cases: v.pipe(v.array(testCase), v.minLength(1)),
});

type Written = v.InferOutput<typeof policyTest>;

/** `line`: where it begins in its file. */
export type TestCase = Written["cases"][number] & { readonly line: number };
export type PolicyTest = Omit<Written, "cases"> & { readonly cases: readonly TestCase[] };

/** The text of a gander-test.yaml → its cases, or all problems with their places. */
export function readPolicyTest(text: string, file: string): Result<PolicyTest> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const problem = (message: string, offset: number, where = ""): Problem => {
    const { line, col } = lines.linePos(offset);
    return { ...{ file, path: where, line, column: col, message }, ...wrong };
  };
  if (document.errors.length > 0)
    return { problems: document.errors.map(({ message, pos }) => problem(message, pos[0])) };
  const parsed = v.safeParse(policyTest, document.toJS({ maxAliasCount: 100 }));
  if (parsed.success) {
    const lineOf = (i: number) => lines.linePos(offsetOf(document.contents, ["cases", i])).line;
    const cases = parsed.output.cases.map((one, i) => ({ ...one, line: lineOf(i) }));
    return { value: { ...parsed.output, cases } };
  }
  return {
    problems: parsed.issues.map((issue) => {
      const keys = issue.path?.map(({ key }) => key) ?? [];
      return {
        ...problem(messageOf(issue), offsetOf(document.contents, keys), pathText(keys)),
        hint: keys[0] === "kind" && isPolicy(document.toJS({ maxAliasCount: 100 })) ? ofPolicy : "",
      };
    }),
  };
}

const wrong = { code: "policy-bad-value", hint: "", severity: "error" } as const;

const isPolicy = (value: unknown): boolean =>
  /Policy(Namespaced)?$/.test((value as { kind?: string }).kind ?? "");

const ofPolicy =
  "This is a policy. Name the gander-test.yaml beside it; `gander policy test --init POLICY` writes a first one.";

const shapes: Readonly<Record<string, string>> = {
  string: "text",
  array: "a list",
  record: "a mapping",
  strict_object: "a mapping",
};

function messageOf(issue: v.BaseIssue<unknown>): string {
  const { type, expected, received, message } = issue;
  const key = `${issue.path?.at(-1)?.key ?? "it"}`;
  if (type === "strict_object" && expected === "never")
    return `there is no field ${JSON.stringify(key)} here`;
  if (received === "undefined") return `${key} is missing`;
  if (type === "literal" || type === "picklist")
    return `${key} must be ${expected?.replaceAll(" | ", ", ").replaceAll(/[()]/g, "")}, not ${received}`;
  const shape = shapes[type];
  return shape === undefined ? message : `${key} must be ${shape}`;
}

/** Where the value at these keys begins, or the innermost around it that exists. */
function offsetOf(root: Node | null, keys: readonly unknown[]): number {
  let found = root;
  for (const key of keys) {
    const next: unknown = isCollection(found) ? found.get(key, true) : undefined;
    if (next === null || typeof next !== "object") break;
    found = next as Node;
  }
  return found?.range?.[0] ?? 0;
}

const pathText = (keys: readonly unknown[]) =>
  keys
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${key}`))
    .join("");
