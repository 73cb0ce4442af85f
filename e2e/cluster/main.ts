// SPDX-License-Identifier: Apache-2.0
// `make e2e`: tests against a real control plane; ends with "N passed, N failed".
import { formatTotal } from "../../scripts/test/counts.ts";
import { hostTests } from "../../scripts/test/host-tests.ts";
import { formatSlowest, noTimes } from "../../scripts/test/slowest.ts";

const files = process.argv.slice(2);
const { counts, results } = await hostTests({ config: "e2e/cluster/vitest.config.ts", files });
console.log(`\n${formatSlowest({ ...noTimes, results })}\n\n${formatTotal(counts)}`);
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;
