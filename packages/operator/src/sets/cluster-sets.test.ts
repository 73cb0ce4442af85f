// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { createKubeClient } from "@gander/kube";
import { expect, it } from "vitest";
import { ClusterSets } from "./cluster-sets.ts";
import { createSetCatalog } from "./set-catalog.ts";

it("watches as many Services as there is room for, and others when there is room again", async () => {
  const sets = createSetCatalog({ gapMs: 0 });
  // What can't be read stays unread, which is all that matters here.
  const client = createKubeClient({
    namespace: "gander-system",
    read: () => Promise.reject(new Error("there is no API server")),
    invalidate: () => {},
  });
  const watching = new ClusterSets({ client, sets, logger: createLogger({ write: () => {} }) });
  const stop = new AbortController();
  const running = watching.run({ signal: stop.signal });
  const service = (i: number) => `kubernetes/service/shop/s${i}`;
  const want = (i: number, ...names: readonly string[]) => sets.want(`p${i}`, new Set(names));
  for (let i = 0; i < 257; i++) want(i, service(i));
  const states = (...numbers: readonly number[]) =>
    numbers.map((i) => sets.trouble(service(i))?.state);
  expect(states(0, 255, 256)).toEqual(["unread", "unread", "wrong"]);
  // The cluster's own are watched besides.
  want(1_000, "kubernetes/dns");
  expect(sets.trouble("kubernetes/dns")?.state).toBe("unread");
  // There are 257 watches now; two policies go.
  want(0);
  want(1);
  expect(states(256)).toEqual(["unread"]);
  stop.abort();
  await running;
});
