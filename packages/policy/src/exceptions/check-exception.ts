// SPDX-License-Identifier: Apache-2.0
import {
  argOperatorsByName,
  checkPolicyExceptionSchema,
  type ExceptedBinariesSpec,
  type ExceptedPathsSpec,
  isExceptionKind,
  type PolicyExceptionSpec,
  policyExceptionSchema,
  schemaAt,
  unwrittenReason,
} from "@gander/crd-schemas";
import { compileBinaryFilter } from "../compile/compile-process-filters.ts";
import { compileTest } from "../compile/compile-test.ts";
import { compileLabelSelector, compileWorkloads } from "../compile/compile-workloads.ts";
import type { WorkloadSelector } from "../compiled-policy.ts";
import { quote } from "../language/values.ts";
import { type Loose, withoutBroken } from "../loose.ts";
import type { SourceDocument } from "../read/locate.ts";
import { reportFindings } from "../schema-problems.ts";
import type { Scope } from "../scope.ts";
import { isNamespaceName, isObjectName } from "../sets/set-reference.ts";
import { inNamespaces } from "./apply-exceptions.ts";
import type { CheckedException, CompiledException, PolicyChoice } from "./policy-exception.ts";

/** A document of this kind is checked here, whatever else is wrong with it. */
export const isException = (value: unknown): boolean =>
  typeof value === "object" && value !== null && isExceptionKind(Reflect.get(value, "kind"));

type Spec = Loose<PolicyExceptionSpec>;

/** Undefined if it has an error; all of them are reported to `scope`. */
export function checkException(
  { value, locate }: SourceDocument,
  scope: Scope,
  file: string,
): CheckedException | undefined {
  const findings = checkPolicyExceptionSchema(value);
  reportFindings(findings, value, scope, policyExceptionSchema);
  const document = value as { readonly kind?: unknown; readonly spec?: unknown };
  const head = readHead(value as Head, scope.at("metadata"));
  const schema = schemaAt(["spec"], policyExceptionSchema);
  const spec =
    schema && (withoutBroken(document.spec, schema, ["spec"], findings) as Spec | undefined);
  if (spec === undefined) return undefined;
  let isRight = true;
  const counted = watched(scope.at("spec"), () => {
    isRight = false;
  });
  const content = compileSpec(spec, counted, head.namespace);
  if (findings.length > 0 || !isRight || !head.isRight) return undefined;
  const { name, namespace } = head;
  return { name, namespace, ...content, file, ...locate.value(["metadata", "name"]) };
}

/** The same scope; `failed` is called at each error reported to it or below it. */
function watched(scope: Scope, failed: () => void): Scope {
  return {
    path: scope.path,
    at: (...segments) => watched(scope.at(...segments), failed),
    error: (...problem) => {
      failed();
      scope.error(...problem);
    },
    warning: (...problem) => scope.warning(...problem),
    note: (...problem) => scope.note(...problem),
    get onKey() {
      return watched(scope.onKey, failed);
    },
    character: (offset) => watched(scope.character(offset), failed),
  };
}

type Head = {
  readonly kind?: unknown;
  readonly metadata?: { readonly name?: unknown; readonly namespace?: unknown };
};

function readHead({ kind, metadata }: Head, scope: Scope) {
  const isNamespaced = kind === "PolicyExceptionNamespaced";
  const name = typeof metadata?.name === "string" ? metadata.name : "";
  const given = typeof metadata?.namespace === "string" ? metadata.namespace : "";
  const isNamed = isObjectName(name);
  if (!isNamed && name !== "")
    scope
      .at("name")
      .error(
        "policy-bad-name",
        `${quote(name)} cannot be the name of an exception`,
        "Use lower-case letters, digits, - and . only, with a letter or digit at both ends.",
      );
  const isPlaced = !isNamespaced || given === "" || isNamespaceName(given);
  if (!isPlaced)
    scope
      .at("namespace")
      .error(
        "policy-bad-name",
        `${quote(given)} cannot be the name of a namespace`,
        "Use lower-case letters, digits and - only.",
      );
  if (!isNamespaced && given !== "")
    scope
      .at("namespace")
      .onKey.warning(
        "policy-rule",
        "A PolicyException is for the whole cluster; its namespace is ignored",
        "Use kind PolicyExceptionNamespaced, or remove the namespace.",
      );
  return { name, namespace: isNamespaced ? given || "default" : "", isRight: isNamed && isPlaced };
}

function compileSpec(
  spec: Spec,
  scope: Scope,
  namespace: string,
): Omit<CompiledException, "name" | "namespace"> {
  const workloads = readWorkloads(spec, scope, namespace);
  const binaries = each(spec.binaries).flatMap(([one, i]) =>
    readBinaries(one, scope.at("binaries", i)),
  );
  const paths = each(spec.paths).flatMap(([one, i]) => readPaths(one, scope.at("paths", i)));
  checkReason(spec, scope.at("reason"));
  checkRestriction(spec, scope);
  checkFiles(spec, scope, namespace);
  const expires = readTime(spec.expires, scope.at("expires"));
  return {
    reason: spec.reason ?? "",
    ...(expires !== undefined && { expires }),
    policies: readPolicies(spec, scope, namespace),
    ...(workloads && { workloads }),
    binaries,
    paths,
  };
}

const each = <T>(
  entries: readonly (T | undefined)[] | undefined,
): readonly (readonly [T, number])[] =>
  (entries ?? []).flatMap((one, i) => (one === undefined ? [] : [[one, i] as const]));

function readBinaries(spec: ExceptedBinariesSpec, scope: Scope) {
  const filter = compileBinaryFilter({ ...spec, ancestors: false }, scope, { isGuard: false });
  return filter?.on === "binary" ? [filter] : [];
}

const argOperatorOf = { In: "Equal", Prefix: "Prefix", Postfix: "Postfix" } as const;

function readPaths({ operator, values }: ExceptedPathsSpec, scope: Scope) {
  if (values.length === 0)
    scope.at("values").error("policy-missing-field", "There are no paths", "Write at least one.");
  const row = argOperatorsByName.get(argOperatorOf[operator]);
  const test = row && compileTest({ ...row, name: operator }, "file", values, scope);
  return test === undefined || values.length === 0 ? [] : [test];
}

function readWorkloads(
  { podSelector, containerSelector, hostSelector, namespaces }: Spec,
  scope: Scope,
  namespace: string,
): WorkloadSelector | undefined {
  const isNamespaced = namespace !== "";
  const given = podSelector ?? containerSelector ?? hostSelector;
  const own =
    given === undefined
      ? undefined
      : compileWorkloads({ podSelector, containerSelector, hostSelector }, scope, isNamespaced);
  const wanted = each(namespaces);
  for (const [name, i] of wanted)
    if (!isNamespaceName(name))
      scope
        .at("namespaces", i)
        .error(
          "policy-bad-value",
          `${quote(name)} cannot be the name of a namespace`,
          "Write names of namespaces; patterns are not possible.",
        );
  if (namespaces === undefined) return own;
  if (isNamespaced)
    scope
      .at("namespaces")
      .onKey.error(
        "policy-rule",
        "An exception of a namespace cannot have namespaces",
        "Remove it: the exception is for the pods of its namespace.",
      );
  if (namespaces.length === 0)
    scope
      .at("namespaces")
      .error("policy-missing-field", "There are no namespaces", "Write at least one.");
  const pods = inNamespaces(
    own?.podSelector,
    wanted.map(([name]) => name),
  );
  return { host: false, ...own, podSelector: pods };
}

function checkReason({ reason }: Spec, scope: Scope): void {
  if (reason === undefined) return;
  const isBlank = reason.trim() === "";
  if (!isBlank && !reason.trimStart().startsWith(unwrittenReason)) return;
  scope.error(
    "policy-missing-field",
    isBlank ? "The reason is empty" : `The reason still begins with ${unwrittenReason}`,
    "Say why the exception is needed, for those who find it later.",
  );
}

/** An exception of everything is an edit of the policy in disguise: who wants one says so. */
function checkRestriction(spec: Spec, scope: Scope): void {
  const { podSelector, containerSelector, hostSelector, namespaces, binaries, paths } = spec;
  const chooses = (one: typeof podSelector) =>
    Object.keys(one?.matchLabels ?? {}).length + (one?.matchExpressions ?? []).length > 0;
  const restricts =
    [podSelector, containerSelector].some(chooses) ||
    [hostSelector, namespaces].some((one) => one !== undefined) ||
    [binaries, paths].some((list) => each(list).length > 0 && !each(list).some(isAnyPath));
  // Something that was refused may have been meant to restrict it.
  const isWhole = [binaries, paths].every(
    (list) => list?.every((one) => one !== undefined) ?? true,
  );
  if (restricts === !spec.everything || !isWhole) return;
  if (restricts)
    scope
      .at("everything")
      .error(
        "policy-contradiction",
        "The exception restricts what it is for, but says that it is for everything",
        "Remove `everything: true`, or the restrictions.",
      );
  else
    scope.error(
      "policy-rule",
      "Nothing restricts the exception: the policies would do nothing any more",
      "Name workloads (podSelector, containerSelector, namespaces, hostSelector), binaries or paths; or write `everything: true`.",
    );
}

const isAnyPath = ([{ operator, values }]: readonly [ExceptedPathsSpec, number]) =>
  operator === "Prefix" && values.includes("/");

/** Files are looked up on the node; and by its path alone, a program may be any container's own. */
function checkFiles(spec: Spec, scope: Scope, namespace: string): void {
  const { podSelector, containerSelector, namespaces, hostSelector } = spec;
  const ofPods = podSelector ?? containerSelector ?? namespaces;
  for (const [{ identity }, i] of each(spec.binaries)) {
    const place = scope.at("binaries", i);
    if (identity === "file" && (ofPods !== undefined || namespace !== ""))
      place
        .at("identity")
        .onKey.error(
          "policy-rule",
          "`identity: file` cannot be used for pods: files are looked up on the host, and those of a pod are others",
          "Remove it, or choose processes of the host with `hostSelector: {}` alone.",
        );
    if (identity === "path" && (ofPods ?? hostSelector) === undefined)
      place.warning(
        "policy-rule",
        "Any container can have a program of its own at this path, and would be excepted as well",
        "Name the workloads, or write `identity: file` for a program of the node.",
      );
  }
}

function readTime(text: string | undefined, scope: Scope): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return Math.max(0, time);
  scope.error(
    "policy-bad-value",
    `${quote(text)} is no time`,
    "Write a day that exists, as in 2027-01-31T12:00:00Z.",
  );
  return undefined;
}

function readPolicies(spec: Spec, scope: Scope, namespace: string): PolicyChoice {
  const names = each(spec.policies);
  const labels = compileLabelSelector(spec.policySelector, scope.at("policySelector"));
  if ((spec.policies === undefined) === (labels === undefined))
    scope
      .at(labels === undefined ? "policies" : "policySelector")
      .onKey.error(
        "policy-rule",
        labels === undefined
          ? "The exception names no policies"
          : "policies and policySelector cannot be used together",
        'Write `policies:` with names or `["*"]`, or `policySelector:` with labels.',
      );
  if (spec.policies?.length === 0)
    scope
      .at("policies")
      .error("policy-missing-field", "There are no policies", 'Write names, or `["*"]` for all.');
  for (const [name, i] of names) checkName(name, scope.at("policies", i), namespace);
  return labels ? { labels } : { names: names.map(([name]) => name) };
}

function checkName(name: string, scope: Scope, namespace: string): void {
  const [first = "", second, ...more] = name.split("/");
  const isName = (one: string) => one === "*" || isObjectName(one);
  const isRight =
    second === undefined
      ? isName(first)
      : more.length === 0 && isNamespaceName(first) && isName(second);
  if (!isRight)
    scope.error(
      "policy-bad-value",
      `${quote(name)} cannot be the name of a policy`,
      "Write NAME, NAMESPACE/NAME for a policy of a namespace, NAMESPACE/* for all of them, or *.",
    );
  else if (namespace !== "" && second !== undefined && first !== namespace)
    scope.error(
      "policy-rule",
      `An exception of the namespace ${namespace} cannot name policies of another one`,
      "Write an exception in that namespace, or one for the whole cluster.",
    );
}
