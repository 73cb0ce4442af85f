// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from "vitest/config";

// Tests of the host. What needs a kernel of its own is named *.kernel-test.ts and run
// in a virtual machine by e2e/kernel-tests.ts (see e2e/README.md).
export default defineConfig({
  test: {
    include: [
      "packages/**/*.test.ts",
      "e2e/**/*.test.ts",
      "bench/**/*.test.ts",
      "bpf/**/*.test.ts",
      "fuzz/**/*.test.ts",
      "scripts/**/*.test.ts",
    ],
    exclude: ["**/node_modules/**", "**/dist/**", "**/build/**"],
    testTimeout: 20_000,
    // Child processes rather than threads: the native binding is tested for leaks and at exit.
    pool: "forks",
  },
});
