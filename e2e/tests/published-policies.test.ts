// SPDX-License-Identifier: Apache-2.0
// One policy for each of those that Tetragon publishes, with the same features in other words.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPolicy } from "@gander/policy";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "published/policies");
const names = readdirSync(folder).map((file) => file.replace(/\.yaml$/, ""));

/** What is refused, and a piece of what is said about it. One that is accepted must leave this list. */
const notYet: Readonly<Record<string, string>> = {
  "only-one-destination": "1 is not an error a call can return",
  "overlay-attributes": "1 is not an error a call can return",
};

function refusals(name: string): readonly string[] {
  const file = `${name}.yaml`;
  const { value, problems = [] } = checkPolicy(readFileSync(join(folder, file), "utf8"), { file });
  return value === undefined ? problems.map(({ message }) => message) : [];
}

it("there is one for each", () => expect(names.length).toBe(83));
it("the list names policies that there are", () =>
  expect(names).toEqual(expect.arrayContaining(Object.keys(notYet))));

it.each(names.filter((name) => !(name in notYet)))("%s is accepted", (name) =>
  expect(refusals(name)).toEqual([]),
);

it.each(Object.entries(notYet))("%s is refused: %s", (name, piece) =>
  expect(refusals(name)).toContainEqual(expect.stringContaining(piece)),
);
