// SPDX-License-Identifier: Apache-2.0
import { inMode, type LibraryPolicy } from "@gander/policy-test/library";

type ExportedFile = { readonly path: string; readonly text: string };

/** The files of policies and of the sets that they name: `PACK/NAME.yaml`, `PACK/set-NAME.yaml`. */
export function exportedFiles(
  policies: readonly LibraryPolicy[],
  mode: "enforce" | "monitor",
): readonly ExportedFile[] {
  const sets = new Map(policies.flatMap((one) => one.sets.map((set) => [set.name, set])));
  return [
    ...policies.map(({ pack, name, text }) => ({
      path: `${pack}/${name}.yaml`,
      text: inMode(text, mode),
    })),
    ...[...sets.values()].map(({ pack, name, text }) => ({
      path: `${pack}/set-${name}.yaml`,
      text,
    })),
  ];
}

/** kustomization.yaml beside them. */
export const kustomization = (files: readonly ExportedFile[]): ExportedFile => ({
  path: "kustomization.yaml",
  text: `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n${files
    .map(({ path }) => `  - ${path}\n`)
    .toSorted()
    .join("")}`,
});
