// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createTransitionFilter } from "./transition-filter.ts";

it("tells changes of each aspect of each object from repetitions", () => {
  const filter = createTransitionFilter(10);
  const changes = (words: string) => {
    const [uid = "", aspect = "", state = ""] = words.split(" ");
    return filter.changes(uid, aspect, state);
  };
  const seen = [
    "1 Ready No",
    "1 Ready No",
    "1 Ready Yes",
    "1 Load Yes",
    "2 Ready Yes",
    "1 Ready No",
  ];
  expect(seen.map(changes)).toEqual([true, false, true, true, true, true]);
  filter.forget("1");
  expect(["1 Ready No", "2 Ready Yes"].map(changes)).toEqual([true, false]);
});

it("forgets the object that changed longest ago", () => {
  const filter = createTransitionFilter(2);
  for (const uid of ["1", "2"]) filter.changes(uid, "a", "x");
  filter.changes("1", "a", "y");
  filter.changes("3", "a", "x");
  expect(["1", "3", "2"].map((uid) => filter.changes(uid, "a", uid === "1" ? "y" : "x"))).toEqual([
    false,
    false,
    true,
  ]);
});
