// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import { nearestName } from "@gander/base";
import type { Finding, Path, TracingPolicy } from "@gander/crd-schemas";
import {
  apiVersions,
  checkTracingPolicySchema,
  exceptionKinds,
  isGuardKind,
  isNamespacedKind,
  policyKindNames,
  schemaAt,
  valueSetKind,
} from "@gander/crd-schemas";
import type { CheckedFile, CheckedPolicy } from "./checked-policy.ts";
import { compileFuse } from "./compile/compile-fuse.ts";
import { compilePolicy } from "./compile/compile-policy.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";
import { checkException, isException } from "./exceptions/check-exception.ts";
import type { CheckedException } from "./exceptions/policy-exception.ts";
import { sameExceptionNames, useExceptions } from "./exceptions/use-exceptions.ts";
import { checkKindFields } from "./kind-fields.ts";
import { limits } from "./limits.ts";
import type { LooseSpec } from "./loose.ts";
import { withoutBroken } from "./loose.ts";
import type { Locate, SourceDocument } from "./read/locate.ts";
import { objectDocument } from "./read/object-document.ts";
import type { ParsedFile } from "./read/parse-documents.ts";
import { parseDocuments } from "./read/parse-documents.ts";
import { reportFindings } from "./schema-problems.ts";
import type { Scope } from "./scope.ts";
import { createScope } from "./scope.ts";
import { type CheckedSet, checkValueSet, isValueSet } from "./sets/check-value-set.ts";
import { usesOfSets } from "./sets/set-uses.ts";
import { useSets } from "./sets/use-sets.ts";

type CheckOptions = {
  /** Only for messages; no file is read. */
  readonly file: string;
};

/**
 * Text of a policy file → its policies, or all its problems. Pure: no I/O, the same text gives the same
 * result everywhere, and no text makes it throw. A file is accepted as a whole: one broken document
 * refuses the others. Sets that its policies name must be in the file; exceptions in the file apply to them.
 */
export function checkPolicy(
  text: string,
  { file }: CheckOptions,
): Result<readonly CheckedPolicy[]> {
  const { value, problems } = checkPolicyFile(text, { file });
  if (value === undefined) return { problems };
  if (value.policies.length === 0) return { problems: [noPolicy(file)] };
  const sets = new Map(value.sets.map((set) => [set.name, set]));
  const resolved = value.policies.map((policy) => useSets(policy, sets));
  const wrong = resolved.flatMap((one) => one.problems ?? []);
  if (wrong.length > 0) return { problems: bounded(wrong) };
  const policies = resolved.flatMap((one) => one.value ?? []);
  return { value: policies.map((policy) => useExceptions(policy, value.exceptions, "host")) };
}

/**
 * The same, with its sets and exceptions, for policies that may use those of other files (`useSets`,
 * `useExceptions`).
 */
export function checkPolicyFile(text: string, { file }: CheckOptions): Result<CheckedFile> {
  return checkDocuments(parseDocuments(text, file), file);
}

/** The same for an object that was never a text: its problems have paths, and line 0. */
export function checkPolicyObject(object: object): Result<CheckedPolicy> {
  const { value, problems } = checkDocuments(objectDocument(object), "");
  const [policy] = value?.policies ?? [];
  return policy ? { value: policy } : { problems: problems ?? [noPolicy("")] };
}

/** An object of kind ValueSet. */
export function checkSetObject(object: object): Result<CheckedSet> {
  const { value, problems } = checkDocuments(objectDocument(object), "");
  const [set] = value?.sets ?? [];
  return set ? { value: set } : { problems: problems ?? [] };
}

/** An object of kind PolicyException or PolicyExceptionNamespaced, with its warnings. */
export function checkExceptionObject(
  object: object,
): Result<{ readonly exception: CheckedException; readonly warnings: readonly Problem[] }> {
  const { value, problems } = checkDocuments(objectDocument(object), "");
  const [exception] = value?.exceptions ?? [];
  if (value === undefined || exception === undefined) return { problems: problems ?? [] };
  return { value: { exception, warnings: value.warnings } };
}

function checkDocuments({ documents, problems }: ParsedFile, file: string): Result<CheckedFile> {
  const found = [...problems];
  const policies: CheckedPolicy[] = [];
  const sets: CheckedSet[] = [];
  const exceptions: CheckedException[] = [];
  const skipped: Problem[] = [];
  const warnings: Problem[] = [];
  for (const document of documents) {
    const own: Problem[] = [];
    const report = (problem: Problem) => void own.push(problem);
    if (isValueSet(document.value)) {
      const set = checkValueSet(document, createScope(file, document.locate, report), file);
      found.push(...own);
      if (set) sets.push(set);
      continue;
    }
    if (isException(document.value)) {
      const scope = createScope(file, document.locate, report);
      const exception = checkException(document, scope, file);
      found.push(...own);
      warnings.push(...own);
      if (exception) exceptions.push(exception);
      continue;
    }
    const checked = checkDocument(document, file, report);
    found.push(...own);
    if (checked === "skipped") skipped.push(...own);
    else if (checked) policies.push({ ...checked, warnings: own });
  }
  found.push(
    ...sameNames(policies, file),
    ...sameSetNames(sets),
    ...sameExceptionNames(exceptions),
  );
  const [first, ...rest] = policies;
  const isEmpty = policies.length + sets.length + exceptions.length === 0;
  if (isEmpty && found.every((problem) => problem.severity !== "error")) found.push(noPolicy(file));
  if (isEmpty || found.some((problem) => problem.severity === "error"))
    return { problems: bounded(found) };
  const whole = first && [{ ...first, warnings: [...skipped, ...first.warnings] }, ...rest];
  return { value: { policies: whole ?? [], sets, exceptions, warnings } };
}

function checkDocument(
  document: SourceDocument,
  file: string,
  report: (problem: Problem) => void,
): Omit<CheckedPolicy, "warnings"> | "skipped" | undefined {
  const scope = createScope(file, document.locate, report);
  const { value } = document;
  if (value === null || value === undefined) return "skipped";
  if (isOtherKind(value, scope)) return "skipped";
  const findings = checkTracingPolicySchema(value);
  reportFindings(findings, value, scope);
  // More are not shown, and the rest of such a document reveals little.
  if (findings.length > limits.problems) return undefined;
  checkKindFields(value, scope);
  checkNumberNotation(value, document.locate, scope, findings);
  const compiled = compileDocument(value, findings, scope);
  if (findings.length > 0 || !compiled) return undefined;
  const setUses = usesOfSets(compiled, document, file);
  // The schema accepted it, so the type is right.
  return { policy: value as TracingPolicy, compiled, ...(setUses.length > 0 && { setUses }) };
}

/**
 * `010` is ten in YAML 1.2 and eight in YAML 1.1, which Kubernetes reads: the same file would have two
 * meanings. Only numbers are affected, so quoted texts are not checked.
 */
function checkNumberNotation(
  value: unknown,
  locate: Locate,
  scope: Scope,
  findings: readonly Finding[],
): void {
  const refused = new Set(findings.map((finding) => JSON.stringify(finding.path)));
  const visit = (item: unknown, path: Path): void => {
    if (typeof item === "number") {
      const text = locate.plainText(path);
      if (text === undefined || !/^[-+]?0\d+$/.test(text) || refused.has(JSON.stringify(path)))
        return;
      const plain = text.replace(/^([-+]?)0+(?=\d)/, "$1");
      const octal = /[89]/.test(text) ? "" : ` or ${Number.parseInt(text, 8)}`;
      scope
        .at(...path)
        .error(
          "yaml-number-notation",
          `${text} is ${Number(plain)} here, but octal to Kubernetes`,
          `Write ${plain}${octal}, whichever is meant.`,
        );
    }
    if (Array.isArray(item)) for (const [i, entry] of item.entries()) visit(entry, [...path, i]);
    else if (typeof item === "object" && item !== null)
      for (const [key, entry] of Object.entries(item)) visit(entry, [...path, key]);
  };
  visit(value, []);
}

function compileDocument(
  value: unknown,
  findings: readonly Finding[],
  scope: Scope,
): CompiledPolicy | undefined {
  const document = value as Partial<TracingPolicy> | undefined;
  const schema = schemaAt(["spec"]);
  if (
    typeof document !== "object" ||
    !schema ||
    findings.some(
      ({ path }) => path.length === 1 && path[0] === "spec" && typeof document.spec !== "object",
    )
  )
    return undefined;
  const spec = withoutBroken(document.spec, schema, ["spec"], findings) as LooseSpec | undefined;
  const name = policyName(document, scope.at("metadata"));
  const compiled = spec && compilePolicy(spec, scope.at("spec"), name);
  const metadata = scope.at("metadata");
  return (
    compiled && { ...compiled, ...compileFuse(document.metadata ?? {}, metadata, compiled.mode) }
  );
}

function policyName({ kind, metadata }: Partial<TracingPolicy>, scope: Scope) {
  const namespaced = isNamespacedKind(kind);
  const name = typeof metadata?.name === "string" ? metadata.name : "";
  const namespace = typeof metadata?.namespace === "string" ? metadata.namespace : "";
  if (
    name !== "" &&
    !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)
  ) {
    scope
      .at("name")
      .error(
        "policy-bad-name",
        `"${name.slice(0, 80)}" cannot be the name of a policy`,
        "Use lower-case letters, digits, - and . only, with a letter or digit at both ends.",
      );
  }
  if (namespaced && namespace !== "" && !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace)) {
    scope
      .at("namespace")
      .error(
        "policy-bad-name",
        `"${namespace.slice(0, 80)}" cannot be the name of a namespace`,
        "Use lower-case letters, digits and - only.",
      );
  }
  if (!namespaced && namespace !== "") {
    scope
      .at("namespace")
      .onKey.warning(
        "policy-rule",
        `A ${kind} is for the whole cluster; its namespace is ignored`,
        `Use kind ${kind}Namespaced, or remove the namespace.`,
      );
  }
  const isGuard = isGuardKind(kind);
  return { name, namespace: namespaced ? namespace || "default" : "", namespaced, isGuard };
}

/** Skips documents of other kinds, unless they were probably meant to be a policy. */
function isOtherKind(value: unknown, scope: Scope): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const kind: unknown = Reflect.get(value, "kind");
  const version: unknown = Reflect.get(value, "apiVersion");
  if (
    typeof kind !== "string" ||
    version === apiVersions.TracingPolicy ||
    nearestName(kind, [...policyKindNames, valueSetKind, ...exceptionKinds]) !== undefined
  )
    return false;
  scope
    .at("kind")
    .note(
      "yaml-other-kind",
      `A document of kind ${JSON.stringify(kind.slice(0, 80))} was skipped`,
      "",
    );
  return true;
}

function sameNames(policies: readonly CheckedPolicy[], file: string): readonly Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const { compiled } of policies) {
    const key = `${compiled.namespace}/${compiled.name}`;
    if (seen.has(key)) {
      problems.push({
        file,
        path: "metadata.name",
        line: 1,
        column: 1,
        code: "policy-bad-name",
        message: `The file has two policies of the name "${compiled.name}"`,
        hint: "Give one of them another name.",
        severity: "error",
      });
    }
    seen.add(key);
  }
  return problems;
}

/** Also of several files. */
export function sameSetNames(sets: readonly CheckedSet[]): readonly Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const { name, file, places } of sets) {
    if (seen.has(name))
      problems.push({
        ...{ file, path: "metadata.name", line: 1, column: 1, ...places[0] },
        code: "policy-bad-name",
        message: `There are two ValueSets of the name "${name}"`,
        hint: "Give one of them another name.",
        severity: "error",
      });
    seen.add(name);
  }
  return problems;
}

function noPolicy(file: string): Problem {
  return {
    file,
    path: "",
    line: 1,
    column: 1,
    code: "policy-missing",
    message: "The file holds no tracing policy",
    hint: "It needs `apiVersion: cilium.io/v1alpha1` and `kind: TracingPolicy`.",
    severity: "error",
  };
}

const paths = new Intl.Collator("en", { numeric: true });
const byPath = (a: Problem, b: Problem) => paths.compare(a.path, b.path);

/** In file order, and not more than a person reads. */
function bounded(problems: readonly Problem[]): readonly Problem[] {
  // Problems of an object have no lines.
  const sorted = [...problems].sort(
    (a, b) => a.line - b.line || a.column - b.column || (a.line === 0 ? byPath(a, b) : 0),
  );
  const more = sorted.length - limits.problems;
  if (more <= 0) return sorted;
  const kept = sorted.slice(0, limits.problems);
  const last = kept.at(-1);
  return last
    ? [
        ...kept,
        {
          ...last,
          code: "input-too-large",
          message: `There are ${more} more problems`,
          hint: "Correct these first.",
          severity: "note",
        },
      ]
    : kept;
}
