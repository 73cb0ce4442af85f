// SPDX-License-Identifier: Apache-2.0
// Runs kernel tests in virtual machines: node e2e/kernel-tests.ts [--kernel VERSION] [FILE…]
import { parseArgs } from "node:util";
import { kernels, kernelTests } from "./kernel-tests.d/kernel-tests.ts";

const { values, positionals } = parseArgs({
  options: { kernel: { type: "string", multiple: true } },
  allowPositionals: true,
});
let failed = 0;
for (const kernel of values.kernel ?? kernels) {
  console.log(`== kernel ${kernel}`);
  const counts = await kernelTests({ kernel, files: positionals });
  console.log(`kernel ${kernel}: ${counts.passed} passed, ${counts.failed} failed`);
  failed += counts.failed;
}
process.exitCode = failed > 0 ? 1 : 0;
