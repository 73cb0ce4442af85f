// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { KernelFactsIntake } from "./kernel-facts-intake.ts";

const digest = createHash("sha256").update("facts").digest();
const key = digest.toString("hex");
const part = { digest, offset: 0, total: 5, data: Buffer.from("facts") };
const [first, second] = [{}, {}];

it("asks another when the first takes too long, and then believes only that one", () => {
  let now = 0;
  const intake = new KernelFactsIntake(() => now, { transferMs: 100 });
  expect(intake.ask(key, first)).toBe(true);
  now = 99;
  expect(intake.ask(key, second)).toBe(false);
  now = 100;
  expect(intake.ask(key, second)).toBe(true);
  expect(intake.receive(part, first)).toBe("late");
  expect(intake.receive(part, second)).toBe("received");
  expect(intake.known.get(key)).toEqual(Buffer.from("facts"));
  expect(intake.ask(key, first)).toBe(false);
});

it("waits for a slow sender while no other has that kernel and there is room", () => {
  let now = 0;
  const intake = new KernelFactsIntake(() => now, { transferMs: 100, transfers: 2 });
  expect(intake.ask(key, first)).toBe(true);
  now = 1000;
  expect(intake.ask("b", second)).toBe(true);
  expect(intake.receive(part, first)).toBe("received");
  expect(intake.receive(part, {})).toBe("wrong");
});

it("holds no more kernels and transfers than it may", () => {
  const intake = new KernelFactsIntake(() => 0, { kernels: 1, transfers: 2 });
  expect([intake.ask("a", first), intake.ask(key, first), intake.ask("c", first)]).toEqual([
    true,
    true,
    false,
  ]);
  expect(intake.receive(part, first)).toBe("received");
  expect(intake.ask("c", second)).toBe(false);
});

it("forgets kernels that no node has any more when there is no room for another", () => {
  const used = new Set([key]);
  const intake = new KernelFactsIntake(() => 0, { kernels: 1, isUsed: (one) => used.has(one) });
  expect([intake.ask(key, first), intake.receive(part, first)]).toEqual([true, "received"]);
  expect(intake.ask("b", second)).toBe(false);
  expect(intake.known.has(key)).toBe(true);
  used.clear();
  expect(intake.ask("b", second)).toBe(true);
  expect(intake.known.size).toBe(0);
});
