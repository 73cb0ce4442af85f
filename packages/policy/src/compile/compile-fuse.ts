// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import type { CompiledPolicy } from "../compiled-policy.ts";
import { fuseAnnotation, parseFuse, rearmAnnotation, rearmProblem } from "../language/fuse.ts";
import { objectDocument } from "../read/object-document.ts";
import { createScope, type Scope } from "../scope.ts";

/** The part of a policy's metadata that its fuse depends on. */
export type FuseMetadata = {
  readonly annotations?: Readonly<Record<string, unknown>> | undefined;
  readonly labels?: Readonly<Record<string, unknown>> | undefined;
};

export type PolicyFuse = Pick<CompiledPolicy, "fuse" | "fuseRearmed">;

const levelLabel = "gander.dev/level";

/** What may never give way is not for a tenant's pods to disarm. */
const isGuardLevel = ({ labels }: FuseMetadata) => labels?.[levelLabel] === "guard";

/** `mode`: of the compiled policy. */
export function compileFuse(
  metadata: FuseMetadata,
  scope: Scope,
  mode: CompiledPolicy["mode"],
): PolicyFuse {
  const { [fuseAnnotation]: text, [rearmAnnotation]: rearmed } = metadata.annotations ?? {};
  const place = scope.at("annotations", fuseAnnotation);
  const read = typeof text === "string" ? parseFuse(text) : undefined;
  if (read !== undefined && "wrong" in read)
    place.character(read.at).error("policy-bad-value", read.wrong, read.hint);
  const wrong = typeof rearmed === "string" ? rearmProblem(rearmed) : undefined;
  if (wrong !== undefined)
    scope.at("annotations", rearmAnnotation).error("policy-bad-value", wrong.wrong, wrong.hint);
  const asked = read !== undefined && "ok" in read ? read.ok : undefined;
  if (asked !== undefined && asked !== "off") {
    if (mode !== "enforce")
      place.note(
        "policy-rule",
        "The fuse has no effect: the policy does not enforce anything",
        "It has one as soon as it runs in mode enforce and has Sigkill, Signal, Override, NotifyEnforcer or Set.",
      );
    if (isGuardLevel(metadata))
      place.warning(
        "policy-rule",
        `A policy with the label ${levelLabel}: guard should have no fuse: who owns enough pods could disarm it`,
        "Remove the annotation.",
      );
  }
  return fuseOf(metadata);
}

/** Of an object that was never a text; notes are left out. */
export function fuseProblems(metadata: FuseMetadata): readonly Problem[] {
  const found: Problem[] = [];
  const report = (problem: Problem) => void found.push(problem);
  for (const { locate } of objectDocument({ metadata }).documents)
    compileFuse(metadata, createScope("", locate, report, ["metadata"]), "enforce");
  return found;
}

/** What can't be read leaves the policy without a fuse, so that it enforces. */
export function fuseOf(metadata: FuseMetadata): PolicyFuse {
  const { [fuseAnnotation]: text, [rearmAnnotation]: rearmed } = metadata.annotations ?? {};
  const read = typeof text === "string" ? parseFuse(text) : undefined;
  const standard = isGuardLevel(metadata) ? "off" : undefined;
  const fuse = read === undefined ? standard : "ok" in read ? read.ok : "off";
  const isValid = typeof rearmed === "string" && rearmProblem(rearmed) === undefined;
  return { ...(fuse !== undefined && { fuse }), ...(isValid && { fuseRearmed: rearmed }) };
}

/** The texts of metadata that `compileFuse` reads; nothing else of it. */
export function fuseMetadata({ annotations, labels }: FuseMetadata) {
  const pick = (from: FuseMetadata["annotations"], keys: readonly string[]) =>
    Object.fromEntries(
      keys.flatMap((key) => (Object.hasOwn(from ?? {}, key) ? [[key, from?.[key]]] : [])),
    );
  return {
    annotations: pick(annotations, [fuseAnnotation, rearmAnnotation]),
    labels: pick(labels, [levelLabel]),
  };
}
