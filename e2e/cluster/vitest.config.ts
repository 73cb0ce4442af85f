// SPDX-License-Identifier: Apache-2.0
import { matchesGlob } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// A whole cluster or Argo CD takes a quarter of an hour, and half an hour to build once; all faults of a fleet, one
// after the other, take minutes: tested if a file is named.
const long = ["real-cluster*", "real-faults", "argocd"].map((name) => `e2e/cluster/${name}.e2e.ts`);
const isNamed = (glob: string) =>
  process.argv.some((argument) => matchesGlob(argument, `**/${glob}`));

// Tests against a real control plane; scripts/setup e2e builds it. None of them is in `make test`.
export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    include: ["e2e/cluster/**/*.e2e.ts"],
    exclude: long.filter((glob) => !isNamed(glob)),
    // Every file has a control plane of its own, and one keeps two cores busy.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: "forks",
  },
});
