// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { isPolicyKind } from "@gander/crd-schemas";
import { parseAllDocuments } from "yaml";

export type PolicyFixture = {
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string };
};

const fixtures = new URL("../../../packages/policy/test/fixtures/", import.meta.url);

/** The policy files of a folder that a client can turn into an object, one object each. */
export function policyFixtures(
  folder: "broken" | "valid",
): readonly (readonly [file: string, object: PolicyFixture])[] {
  const directory = new URL(`${folder}/`, fixtures);
  return readdirSync(directory)
    .sort()
    .flatMap((file) => {
      const object = objectIn(readFileSync(new URL(file, directory), "utf8"));
      return object === undefined ? [] : [[file, object] as const];
    });
}

function objectIn(text: string): PolicyFixture | undefined {
  const documents = parseAllDocuments(text, { logLevel: "silent", merge: true });
  const [document] = documents;
  if (document === undefined || documents.length > 1 || "empty" in documents) return undefined;
  if (document.errors.length > 0) return undefined;
  try {
    const object: unknown = document.toJS();
    const kind = typeof object === "object" && object !== null ? Reflect.get(object, "kind") : "";
    return isPolicyKind(kind) ? (object as PolicyFixture) : undefined;
  } catch {
    return undefined;
  }
}
