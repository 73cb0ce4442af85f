// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CompiledPolicy } from "@gander/policy";
import { loadPolicyTest } from "@gander/policy-test";

const library = join(import.meta.dirname, "../../../policies");

/** What a policy of the library promises, by its label `gander.dev/level`. */
export type Level = "guard" | "strict" | "observe";

/** All policies of these levels, with the sets that their tests name. @throws Error if one is wrong. */
export function libraryPolicies(levels: readonly Level[]): readonly CompiledPolicy[] {
  return globSync("*/*/gander-test.yaml", { cwd: library })
    .toSorted()
    .map((file) => join(library, file))
    .filter((file) => levels.some((level) => level === levelOf(file)))
    .flatMap((file) => {
      const { value, problems = [] } = loadPolicyTest(file);
      if (value !== undefined) return value.policies.map(({ compiled }) => compiled);
      throw new Error(problems.map(({ file: at, message }) => `${at}: ${message}`).join("\n"));
    });
}

function levelOf(test: string): string | undefined {
  const text = readFileSync(join(dirname(test), "policy.yaml"), "utf8");
  return /^ {4}gander\.dev\/level: (\w+)$/m.exec(text)?.[1];
}
