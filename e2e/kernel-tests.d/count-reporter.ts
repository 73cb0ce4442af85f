// SPDX-License-Identifier: Apache-2.0
import type { TestEvent } from "node:test/reporters";
import type { Failure } from "../../scripts/test/counts.ts";

/** A reporter for a test file that is run as a program: one JSON object with Counts when all is over. Who started it knows the file. */
export async function* countReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const failures: Omit<Failure, "file">[] = [];
  for await (const event of source) {
    if (event.type === "test:fail") failures.push(...failureOf(event.data));
    if (event.type !== "test:summary") continue;
    const { passed, tests, skipped, todo } = event.data.counts;
    // What neither passed nor was left out has failed: also cancelled tests and timeouts.
    const failed = tests - passed - skipped - todo;
    yield `${JSON.stringify({ passed, failed, skipped: skipped + todo, failures })}\n`;
  }
}

type FailedTest = Extract<TestEvent, { type: "test:fail" }>["data"];

function failureOf({ name, details: { error } }: FailedTest): Omit<Failure, "file">[] {
  // A suite only repeats what its tests say.
  if (Object(error).failureType === "subtestsFailed") return [];
  const cause = error.cause instanceof Error ? error.cause : error;
  const message = cause.stack ?? cause.message;
  return [{ test: name, message }];
}

// biome-ignore lint/style/noDefaultExport: Node's test runner takes a reporter from there.
export default countReporter;
