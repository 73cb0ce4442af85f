// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { runParts } from "./run-parts.ts";
import { untilAborted } from "./until-aborted.ts";

it("stops all parts and waits for their ends", async () => {
  const ended: string[] = [];
  const part = (name: string) => ({
    name,
    async run({ signal }: { readonly signal: AbortSignal }) {
      await untilAborted(signal);
      await new Promise((resolve) => setTimeout(resolve, 5));
      ended.push(name);
    },
  });
  const running = runParts([part("a"), part("b")]);
  await running[Symbol.asyncDispose]();
  expect(ended.sort()).toEqual(["a", "b"]);
});

it.each([
  ["rejects", () => Promise.reject(new Error("no way")), /no way/],
  ["ends by itself", () => Promise.resolve(), /"broken" ended by itself/],
])("fails if one %s", async (_, run, message) => {
  await using running = runParts([
    { name: "good", run: ({ signal }) => untilAborted(signal) },
    { name: "broken", run },
  ]);
  await expect(running.failed).rejects.toThrow(message);
});
