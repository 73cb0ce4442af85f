// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { type Credentials, createCachedSource } from "./credentials.ts";

const credentials = (token: string): Credentials => ({
  server: new URL("https://api:6443"),
  headers: { authorization: `Bearer ${token}` },
  tls: {},
});

function sourceOf(loads: readonly (string | Error)[]) {
  const clock = { ms: 0 };
  let count = 0;
  const source = createCachedSource(
    async () => {
      const load = loads[count++];
      if (load instanceof Error) throw load;
      return credentials(load ?? "none");
    },
    { namespace: "n", now: () => clock.ms },
  );
  const token = async () => (await source.read()).headers.authorization;
  return { source, token, clock, count: () => count };
}

it("reads once a minute, not once a request", async () => {
  const { token, clock, count } = sourceOf(["a", "b"]);
  expect(await token()).toBe("Bearer a");
  clock.ms = 59_999;
  expect(await token()).toBe("Bearer a");
  clock.ms = 60_000;
  expect(await token()).toBe("Bearer b");
  expect(count()).toBe(2);
});

it("reads again at once when the server refused", async () => {
  const { source, token } = sourceOf(["a", "b"]);
  await token();
  source.invalidate();
  expect(await token()).toBe("Bearer b");
});

it("loads once for many that ask at the same time", async () => {
  const { token, count } = sourceOf(["a", "b"]);
  expect(await Promise.all([token(), token(), token()])).toEqual(Array(3).fill("Bearer a"));
  expect(count()).toBe(1);
});

it("goes on with the last good ones while the file cannot be read", async () => {
  const { token, clock } = sourceOf(["a", new Error("being replaced"), "c"]);
  await token();
  clock.ms = 60_000;
  expect(await token()).toBe("Bearer a");
  clock.ms = 120_000;
  expect(await token()).toBe("Bearer c");
});

it("fails if there never were any, or the last ones were refused", async () => {
  const { source, token } = sourceOf([new Error("no file"), "a", new Error("gone"), "d"]);
  await expect(token()).rejects.toThrow("no file");
  await token();
  source.invalidate();
  await expect(token()).rejects.toThrow("gone");
  expect(await token()).toBe("Bearer d");
});

it("tells why it loads", async () => {
  const reasons: string[] = [];
  let ms = 0;
  const source = createCachedSource(
    async (reason) => {
      reasons.push(reason);
      return credentials("a");
    },
    { namespace: "n", now: () => ms },
  );
  await source.read();
  ms = 60_000;
  await source.read();
  source.invalidate();
  await source.read();
  expect(reasons).toEqual(["refused", "old", "refused"]);
});
