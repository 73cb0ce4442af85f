// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { GroupQueue } from "./group-queue.ts";
import type { Group } from "./groups.ts";

const group = (name: string, expectedSeconds: number, kernel = "6.12"): Group => ({
  kernel,
  files: [name],
  expectedSeconds,
});
const groups = [group("long", 200), group("older", 100, "6.1"), group("short", 10)];
const named = (one: Group | undefined) => one?.files[0];

it("gives the longest first, however long it takes", () => {
  const queue = new GroupQueue(groups, { slots: 2 });
  expect([queue.next(0), queue.next(0), queue.next(0)].map(named)).toEqual([
    "long",
    "older",
    "short",
  ]);
  expect(queue.next(0)).toBeUndefined();
  expect(queue.leftOut).toEqual([]);
});

it("begins with a short one where there is a deadline, and goes on with the longest if there is time", () => {
  const queue = new GroupQueue(groups, { slots: 1, deadline: 400_000, first: "6.12" });
  const first = queue.next(0);
  expect(named(first)).toBe("short");
  queue.note(first as Group, 17);
  expect([queue.next(17_000), queue.next(220_000)].map(named)).toEqual(["long", "older"]);
});

it("leaves out on a slow machine what doesn't fit, the other kernel first", () => {
  const queue = new GroupQueue(groups, { slots: 1, deadline: 500_000, first: "6.12" });
  const first = queue.next(0);
  queue.note(first as Group, 34);
  expect(named(queue.next(34_000))).toBe("long");
  expect(queue.next(450_000)).toBeUndefined();
  expect(queue.leftOut.map(named)).toEqual(["older"]);
});

it("takes back what a dead guest had not begun", () => {
  const queue = new GroupQueue([], { slots: 1 });
  queue.putBack(group("rest", 1));
  expect(named(queue.next(0))).toBe("rest");
});
