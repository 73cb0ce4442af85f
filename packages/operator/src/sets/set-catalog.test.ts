// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createSetCatalog } from "./set-catalog.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A catalog, and each change that it tells, as `name: values`. */
function told(options?: Parameters<typeof createSetCatalog>[0]) {
  const sets = createSetCatalog(options);
  const changes: string[] = [];
  sets.onChange((name) => changes.push(`${name}: ${sets.get(name)?.values.join() ?? "none"}`));
  return { sets, changes };
}

it("tells a first change at once, and then the newest of those of 2 s", () => {
  const { sets, changes } = told();
  const put = (...values: string[]) => sets.put({ name: "a", values });
  put("1");
  expect(changes).toEqual(["a: 1"]);
  // As endpoints of a Service that come and go ten times in a second.
  for (let i = 0; i < 50; i++) {
    vi.advanceTimersByTime(100);
    put(`${i}`, "x");
  }
  expect(changes).toEqual(["a: 1", "a: 18,x", "a: 38,x"]);
  vi.advanceTimersByTime(2_000);
  expect(changes.at(-1)).toBe("a: 49,x");
  // It is quiet again.
  vi.advanceTimersByTime(2_000);
  put("2");
  expect(changes.at(-1)).toBe("a: 2");
});

it("does not let one set wait for another, nor tell what is as it was", () => {
  const { sets, changes } = told();
  sets.put({ name: "a", values: ["1"] });
  sets.put({ name: "b", values: ["1"] });
  sets.put({ name: "a", values: ["2"] });
  sets.put({ name: "a", values: ["1"] });
  vi.advanceTimersByTime(5_000);
  expect(changes).toEqual(["a: 1", "b: 1"]);
  sets.delete("a");
  sets.delete("c");
  expect(changes).toEqual(["a: 1", "b: 1", "a: none"]);
});

it("keeps the values of a set that became wrong, or too large, and says so", () => {
  const { sets } = told({ gapMs: 0 });
  sets.put({ name: "a", values: ["1"] });
  const problem = { ...{ file: "", line: 0, column: 0, hint: "" }, path: "spec.values[0]" };
  sets.putBroken("a", [
    { ...problem, code: "policy-bad-value", message: '"x" is none', severity: "error" },
  ]);
  expect(sets.get("a")?.values).toEqual(["1"]);
  expect(sets.trouble("a")).toEqual({
    ...{ state: "wrong", message: 'The set "a" is wrong' },
    details: 'spec.values[0]: "x" is none',
  });
  sets.put({ name: "a", values: ["2"] });
  expect([sets.get("a")?.values, sets.trouble("a")]).toEqual([["2"], undefined]);
  const name = "kubernetes/nodes";
  sets.put({ name, values: ["10.0.0.1"] });
  const many = Array.from({ length: 8_193 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  sets.put({ name, values: many });
  expect(sets.get(name)?.values).toEqual(["10.0.0.1"]);
  expect(sets.trouble(name)).toEqual({
    state: "wrong",
    message: 'The set "kubernetes/nodes" would have 8193 values; 8192 are possible',
  });
});

it("knows what has not been read yet from what does not exist", async () => {
  const { sets, changes } = told();
  const [dns, own] = ["kubernetes/dns", "own"];
  const states = () => [dns, own].map((name) => sets.trouble(name)?.state);
  sets.want("policy", new Set([dns, own]));
  expect(states()).toEqual(["unread", "unread"]);
  let isRead = false;
  const reading = sets.whenRead({ signal: new AbortController().signal }).then(() => {
    isRead = true;
  });
  sets.objectsRead();
  expect([states(), changes]).toEqual([["unread", "missing"], ["own: none"]]);
  await Promise.resolve();
  expect(isRead).toBe(false);
  sets.delete(dns);
  await reading;
  expect(states()).toEqual(["missing", "missing"]);
  sets.put({ name: own, values: ["1"] });
  expect(states()).toEqual(["missing", undefined]);
});

it("waits no longer for what cannot be read than it is told to", async () => {
  const { sets } = told();
  sets.want("policy", new Set(["kubernetes/dns"]));
  const stop = new AbortController();
  const reading = sets.whenRead({ signal: stop.signal });
  stop.abort();
  await reading;
  await sets.whenRead({ signal: AbortSignal.abort() });
});

it("says when a set is wanted by a first policy, and when by none any more", () => {
  const { sets } = told();
  const asked: string[] = [];
  const want = (uid: string, ...names: readonly string[]) => sets.want(uid, new Set(names));
  want("p", "a");
  sets.onWanted((name) => asked.push(`${sets.isWanted(name) ? "+" : "-"}${name}`));
  want("p", "a", "b");
  want("q", "b");
  want("p", "a");
  want("p", "c");
  want("q");
  want("q");
  expect(asked).toEqual(["+a", "+b", "+c", "-a", "-b"]);
});

it("knows nothing of a set that it forgot, and is not told of it later", () => {
  const { sets, changes } = told();
  const name = "kubernetes/dns";
  sets.put({ name, values: ["1"] });
  sets.put({ name, values: ["2"] });
  sets.forget(name);
  vi.advanceTimersByTime(5_000);
  expect([sets.get(name), sets.trouble(name)?.state]).toEqual([undefined, "unread"]);
  sets.put({ name, values: ["3"] });
  expect(changes).toEqual([`${name}: 1`, `${name}: 3`]);
});
