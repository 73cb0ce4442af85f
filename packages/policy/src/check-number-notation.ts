// SPDX-License-Identifier: Apache-2.0
import type { Finding, Path } from "@gander/crd-schemas";
import type { Locate } from "./read/locate.ts";
import type { Scope } from "./scope.ts";

/**
 * `010` is ten in YAML 1.2 and eight in YAML 1.1, which Kubernetes reads: the same file would have two
 * meanings. Only numbers are affected, so quoted texts are not checked.
 */
export function checkNumberNotation(
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
