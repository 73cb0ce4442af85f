// SPDX-License-Identifier: Apache-2.0
// `make e2e`: tests against a real control plane; ends with "N passed, N failed".
import { formatFailure } from "../../scripts/test/counts.ts";
import { hostTests } from "../../scripts/test/host-tests.ts";
import { formatSlowest, noTimes } from "../../scripts/test/slowest.ts";

const files = process.argv.slice(2);
const { counts, results } = await hostTests(["--config", "e2e/cluster/vitest.config.ts", ...files]);
for (const failure of counts.failures) console.log(`\n${formatFailure(failure)}`);
console.log(`\n${formatSlowest({ ...noTimes, results })}\n`);
if (counts.skipped > 0) console.log(`${counts.skipped} skipped`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
