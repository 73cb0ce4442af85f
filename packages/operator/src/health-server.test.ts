// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { createHealthServer } from "./health-server.ts";

it("tells whether it turns, and whether it serves", async () => {
  let problems: readonly string[] = ["pods are being read", "there is no certificate yet"];
  const where = { host: "127.0.0.1", port: 0 };
  await using server = await createHealthServer({ problems: () => problems }, where);
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.address.port}${path}`);
    return [answer.status, await answer.text()];
  };
  expect(await get("/healthz")).toEqual([200, "ok\n"]);
  expect(await get("/readyz")).toEqual([503, "pods are being read\nthere is no certificate yet\n"]);
  problems = [];
  expect(await get("/readyz")).toEqual([200, "ok\n"]);
  expect((await get("/"))[0]).toBe(404);
  await expect(
    createHealthServer({ problems: () => problems }, server.address),
  ).rejects.toMatchObject({ code: "operator-address" });
});
