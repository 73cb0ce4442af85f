// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Tests against a real control plane; scripts/setup e2e builds it. None of them is in `make test`.
export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  test: {
    include: ["e2e/cluster/**/*.e2e.ts"],
    // Every file has a control plane of its own, and one keeps two cores busy.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: "forks",
  },
});
