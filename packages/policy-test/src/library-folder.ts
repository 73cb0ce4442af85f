// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where `policies/` is: in a checkout at its root, in a bundle beside the program. @throws Error if it is missing. */
export function libraryFolder(): string {
  const candidates = ["policies", "../policies", "../../../policies"].map((path) =>
    join(import.meta.dirname, path),
  );
  const found = candidates.find((path) => existsSync(join(path, "network/sets.yaml")));
  if (found === undefined)
    throw new Error(
      `The policy library is missing: there is no ${candidates.slice(0, 2).join(" or ")}`,
    );
  return found;
}
