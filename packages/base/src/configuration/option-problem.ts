// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "../nearest-name.ts";
import type { Problem } from "../problem.ts";
import type { Options } from "./configuration-table.ts";

export function unknownOption(name: string, origin: string, options: Options): Problem {
  const near = nearestName(name, Object.keys(options));
  const hint = near ? `Did you mean "${near}"?` : "See --help for the options there are.";
  return optionProblem(
    "configuration-unknown-option",
    name,
    `${origin}: there is no option "${name}"`,
    hint,
  );
}

export function optionProblem(
  code: Problem["code"],
  path: string,
  message: string,
  hint: string,
): Problem {
  return { file: "", path, line: 0, column: 0, code, message, hint, severity: "error" };
}
