// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import {
  type BinarySelectorSpec,
  type CapabilitiesSelectorSpec,
  type NamespaceChangesSelectorSpec,
  type NamespaceSelectorSpec,
  namespaceNames,
  type ParentBinarySelectorSpec,
  type PidSelectorSpec,
} from "@gander/crd-schemas";
import type { CompiledFilter, NamespaceName } from "../compiled-policy.ts";
import { capabilities } from "../language/kernel-names.ts";
import { parseInteger, quote, readAll, type Value } from "../language/values.ts";
import { limits } from "../limits.ts";
import type { Scope } from "../scope.ts";
import { warnOfRelativePaths } from "./compile-text-values.ts";
import { warnOfWildcards } from "./warn-of-wildcards.ts";
import { compileWithSets, refuseSetsOfKind } from "./written-values.ts";

export function compilePidFilter(spec: PidSelectorSpec, scope: Scope): CompiledFilter | undefined {
  if (!hasValues(spec.values, limits.pids, scope)) return undefined;
  const other = spec.values.findIndex((pid) => pid > 1);
  if (spec.isNamespacePID && spec.followForks && other !== -1) {
    scope
      .at("values", other)
      .error(
        "policy-not-supported",
        `followForks together with isNamespacePID is possible for 0 and 1, not for ${spec.values[other]}`,
        "1 is the first process of each container, 0 the host. Any other PID can be had by forking often enough: use matchBinaries with followChildren.",
      );
    return undefined;
  }
  const pids = [...new Set(spec.values)].sort((a, b) => a - b);
  return {
    on: "pid",
    negate: isNegated(spec),
    inNamespace: spec.isNamespacePID,
    followForks: spec.followForks,
    pids,
  };
}

const binaryMatch = {
  In: "equal",
  NotIn: "equal",
  Prefix: "prefix",
  NotPrefix: "prefix",
  Postfix: "postfix",
  NotPostfix: "postfix",
} as const;

const binaryLimit = {
  equal: limits.binaryBytes,
  prefix: limits.prefixBytes,
  postfix: limits.postfixBytes,
} as const;

/** The kind of the policy decides whether values can be names of sets. */
type KindContext = { readonly isGuard: boolean };

export function compileBinaryFilter(
  spec: BinarySelectorSpec,
  scope: Scope,
  context: KindContext,
): CompiledFilter | undefined {
  return ofPaths(spec, scope, context, compileBinary);
}

function compileBinary(spec: BinarySelectorSpec, scope: Scope): BinaryFilter | undefined {
  if (spec.identity === "file") {
    const paths = readPaths(spec.values, readFile, scope);
    if (!isPossibleForFiles(spec, scope) || !paths) return undefined;
    warnOfWildcards(spec.values, scope.at("values"), {
      ...{ match: "equal", negate: isNegated(spec), ofPaths: true, others: [] },
    });
    return { on: "binary", negate: isNegated(spec), match: "file", followChildren: false, paths };
  }
  const paths = comparePaths(spec, scope);
  if (!paths || !spec.ancestors) return paths && { on: "binary", ...paths };
  if (!paths.followChildren) return { on: "binary", ...paths, followChildren: true };
  return refuseBoth(scope);
}

export function compileParentFilter(
  spec: ParentBinarySelectorSpec,
  scope: Scope,
  context: KindContext,
): CompiledFilter | undefined {
  return ofPaths(spec, scope, context, compileParent);
}

function compileParent(spec: ParentBinarySelectorSpec, scope: Scope): BinaryFilter | undefined {
  const paths = comparePaths(spec, scope);
  if (!paths) return undefined;
  if (!spec.ancestors) return { on: "parent-binary", ...paths };
  const { followChildren, ...tested } = paths;
  return followChildren ? refuseBoth(scope) : { on: "ancestor-binary", ...tested };
}

export type BinaryFilter = Extract<
  CompiledFilter,
  { on: "binary" | "parent-binary" | "ancestor-binary" }
>;

function ofPaths<Spec extends ParentBinarySelectorSpec>(
  spec: Spec,
  scope: Scope,
  context: KindContext,
  compile: (spec: Spec, scope: Scope) => BinaryFilter | undefined,
): CompiledFilter | undefined {
  const isPath = binaryMatch[spec.operator] !== "postfix";
  if (!context.isGuard && isPath && refuseSetsOfKind(spec.values, scope)) return undefined;
  return compileWithSets(spec, scope, context, { standIn: "/", compile, emptied });
}

function emptied(filter: BinaryFilter, scope: Scope): BinaryFilter | undefined {
  if (filter.match !== "file") return { ...filter, paths: [] };
  scope
    .at("identity")
    .error(
      "policy-not-supported",
      "`identity: file` together with a set is not supported yet",
      "Write the paths here, or remove `identity: file`.",
    );
  return undefined;
}

/** The paths of a filter that has further values; undefined if one is wrong, which is reported to `scope`. */
export function addPaths(
  { match, paths }: BinaryFilter,
  further: readonly string[],
  scope: Scope,
): string[] | undefined {
  const read = (text: string) =>
    match === "file" ? readFile(text) : readBinary(text, binaryLimit[match]);
  return readPaths([...paths, ...further], read, scope);
}

function refuseBoth(scope: Scope): undefined {
  scope
    .at("followChildren")
    .onKey.error(
      "policy-rule",
      "followChildren has no meaning beside `ancestors: true`",
      "Remove it: all ancestors are compared.",
    );
}

function comparePaths(spec: ParentBinarySelectorSpec, scope: Scope) {
  const match = binaryMatch[spec.operator];
  const read = (text: string) => readBinary(text, binaryLimit[match]);
  const paths = readPaths(spec.values, read, scope);
  if (spec.followChildren && match !== "equal") {
    scope
      .at("followChildren")
      .onKey.error(
        "policy-rule",
        `followChildren cannot be used with ${spec.operator}`,
        "Use it with In or NotIn, and whole paths.",
      );
    return undefined;
  }
  if (!paths) return undefined;
  const negate = isNegated(spec);
  warnOfWildcards(spec.values, scope.at("values"), {
    ...{ match, negate, ofPaths: true },
    others: spec.followChildren ? [] : ["Prefix", "Postfix"],
  });
  if (match === "equal" || match === "prefix") warnOfRelativePaths(spec.values, scope.at("values"));
  return { negate, match, followChildren: spec.followChildren, paths };
}

function readPaths(
  values: readonly string[],
  read: (text: string) => Value<string>,
  scope: Scope,
): string[] | undefined {
  if (!hasValues(values, limits.values, scope)) return undefined;
  const paths = readAll(values, scope.at("values"), read);
  return paths && [...new Set(paths)].sort();
}

function isNegated({ operator }: { readonly operator: string }): boolean {
  return operator.startsWith("Not");
}

function readBinary(text: string, limit: number): Value<string> {
  const value = text.replace(/\0+$/, "");
  if (value === "" || value.includes("\0") || !value.isWellFormed())
    return {
      wrong: `${quote(text)} is not a path`,
      hint: "Write the path of the program, e.g. /usr/bin/curl.",
    };
  const bytes = Buffer.byteLength(value);
  if (bytes > limit)
    return {
      wrong: `The value has ${bytes} bytes; ${limit} are possible with this operator`,
      hint: "Use Prefix or Postfix with a part of the path.",
    };
  return { ok: value };
}

function isPossibleForFiles(spec: BinarySelectorSpec, scope: Scope) {
  const { operator, followChildren, ancestors } = spec;
  const takesFiles = binaryMatch[operator] === "equal";
  if (!takesFiles)
    scope
      .at("identity")
      .error(
        "policy-rule",
        `\`identity: file\` cannot be used with ${operator}`,
        "Use it with In or NotIn, and whole paths.",
      );
  const follows = ancestors ? "ancestors" : followChildren ? "followChildren" : undefined;
  if (follows !== undefined)
    scope
      .at(follows)
      .onKey.error(
        "policy-not-supported",
        `${follows} together with \`identity: file\` is not supported yet`,
        "Remove one of the two, and name the programs that it starts as well.",
      );
  return takesFiles && follows === undefined;
}

/** Each node looks the path up, so it must be absolute. */
function readFile(text: string): Value<string> {
  const path = readBinary(text, limits.binaryBytes);
  if ("wrong" in path || path.ok.startsWith("/")) return path;
  return {
    wrong: `${quote(text)} does not say where the file is`,
    hint: "Write its whole path on the node, e.g. /usr/bin/curl.",
  };
}

const namespaceOf: Readonly<Record<NamespaceSelectorSpec["namespace"], NamespaceName>> = {
  Uts: "uts",
  Ipc: "ipc",
  Mnt: "mnt",
  Pid: "pid",
  PidForChildren: "pid_for_children",
  Net: "net",
  Time: "time",
  TimeForChildren: "time_for_children",
  Cgroup: "cgroup",
  User: "user",
};

export function compileNamespaceFilter(
  spec: NamespaceSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  if (!hasValues(spec.values, limits.namespaces, scope)) return undefined;
  const ids = readAll(spec.values, scope.at("values"), readNamespace);
  if (!ids) return undefined;
  const sorted = [...new Set(ids)].sort((a, b) => (a === "host" ? -1 : b === "host" ? 1 : a - b));
  return {
    on: "namespace",
    negate: isNegated(spec),
    namespace: namespaceOf[spec.namespace],
    ids: sorted,
  };
}

function readNamespace(text: string): Value<number | "host"> {
  if (text === "host_ns") return { ok: "host" };
  const value = parseInteger(text);
  if ("wrong" in value || value.ok < 0n || value.ok > 0xffffffffn) {
    return {
      wrong: `${quote(text)} is not a namespace`,
      hint: "Write the inode number that `readlink /proc/PID/ns/net` shows, or host_ns.",
    };
  }
  return { ok: Number(value.ok) };
}

export function compileNamespaceChangeFilter(
  spec: NamespaceChangesSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  if (!hasValues(spec.values, limits.namespaces, scope)) return undefined;
  const listed = readAll(spec.values, scope.at("values"), readNamespaceKind);
  if (!listed) return undefined;
  const namespaces = namespaceNames
    .filter((name) => listed.includes(name) !== isNegated(spec))
    .map((name) => namespaceOf[name]);
  if (namespaces.length > 0) return { on: "namespace-change", namespaces };
  scope
    .at("values")
    .error(
      "policy-rule",
      "NotIn with all kinds of namespaces leaves none whose change could match",
      "List only those whose changes are of no interest.",
    );
  return undefined;
}

/** Upper and lower case are the same, as in Tetragon. */
function readNamespaceKind(text: string): Value<(typeof namespaceNames)[number]> {
  const name = namespaceNames.find((one) => one.toLowerCase() === text.toLowerCase());
  if (name !== undefined) return { ok: name };
  return {
    wrong: `There is no kind of namespaces ${quote(text)}`,
    hint: `Write one of ${namespaceNames.join(", ")}.`,
  };
}

const capabilitySet = {
  Effective: "effective",
  Inheritable: "inheritable",
  Permitted: "permitted",
} as const;

export function compileCapabilityFilter(
  spec: CapabilitiesSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  const tested = readCapabilities(spec, scope);
  return tested && { on: "capability", ...tested };
}

export function compileCapabilityChangeFilter(
  spec: CapabilitiesSelectorSpec,
  scope: Scope,
): CompiledFilter | undefined {
  const tested = readCapabilities(spec, scope);
  return tested && { on: "capability-change", ...tested };
}

function readCapabilities(spec: CapabilitiesSelectorSpec, scope: Scope) {
  if (!hasValues(spec.values, capabilities.length, scope)) return undefined;
  const bits = readAll(spec.values, scope.at("values"), readCapability);
  if (!bits) return undefined;
  return {
    negate: isNegated(spec),
    set: capabilitySet[spec.type],
    inUserNamespace: spec.isNamespaceCapability,
    capabilities: [...new Set(bits)].sort((a, b) => a - b),
  };
}

function readCapability(text: string): Value<number> {
  const name = text.toUpperCase().replace(/^CAP_/, "");
  const bit = capabilities.indexOf(name);
  if (bit >= 0) return { ok: bit };
  const near = nearestName(name, capabilities);
  return {
    wrong: `There is no capability ${quote(text)}`,
    hint:
      near === undefined ? "Write a name such as CAP_SYS_ADMIN." : `Did you mean "CAP_${near}"?`,
  };
}

function hasValues(values: readonly unknown[], max: number, scope: Scope): boolean {
  if (values.length === 0)
    scope
      .at("values")
      .error("policy-missing-field", "The filter has no values", "Add at least one.");
  if (values.length > max) {
    scope
      .at("values")
      .error(
        "policy-out-of-bounds",
        `The filter has ${values.length} values; ${max} are possible`,
        "Write several selectors.",
      );
  }
  return values.length > 0 && values.length <= max;
}
