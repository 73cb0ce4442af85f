// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createObjectStore, type WritableStore } from "./object-store.ts";

type Item = { readonly uid: string; readonly n: number };

/** What is told of `steps`, as short words. */
function told(steps: (store: WritableStore<Item>) => void): string[] {
  const words: string[] = [];
  const store = createObjectStore<Item>({
    equal: (a, b) => a.n === b.n,
    onChange(change) {
      const before = "previous" in change ? `${change.previous.uid}${change.previous.n}` : "";
      const after = "value" in change ? `${change.value.uid}${change.value.n}` : "";
      words.push(`${change.type} ${change.key} ${before}>${after}`);
    },
  });
  steps(store);
  return words;
}

const item = (uid: string, n: number): Item => ({ uid, n });

it("tells what was added, updated and deleted, with what was there before", () => {
  expect(
    told((store) => {
      store.set("k", item("a", 1));
      store.set("k", item("a", 2));
      store.delete("k");
    }),
  ).toEqual(["added k >a1", "updated k a1>a2", "deleted k a2>"]);
});

it("tells nothing of a change that the projection leaves out, nor of an unknown object's end", () => {
  expect(
    told((store) => {
      store.set("k", item("a", 1));
      store.set("k", item("a", 1));
      store.delete("other");
    }),
  ).toEqual(["added k >a1"]);
});

it("tells an object of the same name apart from its predecessor", () => {
  expect(
    told((store) => {
      store.set("k", item("a", 1));
      store.set("k", item("b", 1));
    }),
  ).toEqual(["added k >a1", "deleted k a1>", "added k >b1"]);
});

it("derives what was deleted when a list is complete, and only then", () => {
  expect(
    told((store) => {
      for (const key of ["k", "l", "m"]) store.set(key, item(key, 1));
      store.beginList();
      store.set("k", item("k", 1));
      // The list broke off; the next one begins anew.
      store.beginList();
      store.set("l", item("l", 2));
      store.set("m", item("m", 1));
      store.endList();
      store.endList();
    }).slice(3),
  ).toEqual(["updated l l1>l2", "deleted k k1>"]);
});
