// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { startGuest } from "./guest.ts";

test("a guest takes commands until it is disposed", { timeout: 300_000 }, async () => {
  await using guest = await startGuest("6.12");
  expect(await guest.bash("uname -r")).toMatch(/^6\.12/);
  expect(await guest.run(["sh", "-c", "cat; kill -9 $$"], { input: "in" })).toMatchObject({
    status: 137,
    stdout: "in",
  });
  await expect(guest.bash("echo no >&2; exit 3")).rejects.toThrow(/status 3.*no/s);
});
