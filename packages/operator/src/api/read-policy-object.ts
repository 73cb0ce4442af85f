// SPDX-License-Identifier: Apache-2.0
import type { Problem, Result } from "@gander/base";
import { apiVersions } from "@gander/crd-schemas";
import type { KubeObject } from "@gander/kube";
import { checkPolicyObject, fuseOf, fuseProblems, setsOfHooks } from "@gander/policy";
import { encodePolicy } from "@gander/policy/content";
import { streamLimits } from "@gander/proto/stream";
import type { PolicyObject, ReadPolicy } from "./policy-catalog.ts";

/** The API server's object. */
export type RawPolicy = KubeObject & {
  readonly metadata: {
    readonly generation?: number;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly managedFields?: unknown;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
};

/**
 * Reads an API object. `before`, the same object at another time, saves compiling: the API server
 * increments the generation at each change of the spec, and most changes are to the status.
 */
export function readPolicyObject(
  kind: PolicyObject["kind"],
  raw: RawPolicy,
  before?: PolicyObject,
): PolicyObject {
  const { metadata, spec, status, ...rest } = raw;
  const { managedFields: _, ...ownMetadata } = metadata;
  const { uid, name, namespace = "", generation = 0, annotations = {} } = ownMetadata;
  const apiVersion = apiVersions[kind];
  const isSameSpec = before?.uid === uid && before.generation === generation;
  return {
    kind,
    uid,
    namespace,
    name,
    generation,
    annotations,
    fuse: fuseOf(ownMetadata),
    fuseProblems: fuseProblems(ownMetadata),
    createdAt: ownMetadata.creationTimestamp ?? "",
    object: { ...rest, apiVersion, kind, metadata: ownMetadata, spec },
    compiled: isSameSpec
      ? before.compiled
      : readSpec({ apiVersion, kind, metadata: { name, namespace: namespace || undefined }, spec }),
    status,
  };
}

function readSpec(document: object): Result<ReadPolicy> {
  const { value: checked, problems } = checkPolicyObject(document);
  if (checked === undefined) return { problems };
  const encoded = encodePolicy(checked.compiled);
  if (encoded.bytes.length > streamLimits.policyBytes)
    return { problems: [tooLarge(encoded.bytes.length)] };
  return {
    value: {
      policy: checked.compiled,
      encoded,
      sets: setsOfHooks(checked.compiled.hooks),
      warnings: checked.warnings,
    },
  };
}

const tooLarge = (bytes: number): Problem => ({
  file: "",
  path: "spec",
  line: 0,
  column: 0,
  code: "input-too-large",
  message: `Compiled, the policy has ${bytes} bytes; ${streamLimits.policyBytes} can be sent to a node`,
  hint: "Split it into several policies",
  severity: "error",
});
