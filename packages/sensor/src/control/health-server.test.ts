// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { serveHealth } from "./health-server.ts";

it("answers probes, with the reasons if the sensor is not ready", async () => {
  let problems: readonly string[] = ["no policies yet", "one is missing"];
  await using server = await serveHealth(() => problems, { host: "127.0.0.1", port: 0 });
  const get = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return [answer.status, await answer.text()];
  };
  expect(await get("/healthz")).toEqual([200, "ok\n"]);
  expect(await get("/readyz")).toEqual([503, "no policies yet\none is missing\n"]);
  problems = [];
  expect(await get("/readyz")).toEqual([200, "ok\n"]);
  expect((await get("/metrics"))[0]).toBe(404);
  await expect(
    serveHealth(() => [], { host: "127.0.0.1", port: server.port }),
  ).rejects.toMatchObject({ code: "configuration-bad-value" });
});
