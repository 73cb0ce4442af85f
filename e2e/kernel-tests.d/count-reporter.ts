// SPDX-License-Identifier: Apache-2.0
import type { TestEvent } from "node:test/reporters";

/** A reporter for Node's test runner: one JSON object with the counts, when all is over. */
export async function* countReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    // Without a file it is the summary of all files.
    if (event.type !== "test:summary" || event.data.file !== undefined) continue;
    const { passed, tests, skipped, todo } = event.data.counts;
    // What neither passed nor was left out has failed: also cancelled tests and timeouts.
    const failed = tests - passed - skipped - todo;
    yield `${JSON.stringify({ passed, failed, skipped: skipped + todo })}\n`;
  }
}

// biome-ignore lint/style/noDefaultExport: Node's test runner takes a reporter from there.
export default countReporter;
