// SPDX-License-Identifier: Apache-2.0
// How long the API server waits for the answer about a session, over TLS on one connection, with 150,000 pods:
//   pnpm --filter @gander/operator measure:sessions [REQUESTS]
import { Agent, request } from "node:https";
import { loadavg } from "node:os";
import { createLogger } from "@gander/base";
import { createAdmissionServer } from "../src/admission/admission-server.ts";
import { sessionPathOf } from "../src/admission/session-path.ts";
import { createPolicyCatalog } from "../src/api/policy-catalog.ts";
import { issueAuthority, issueServer } from "../src/identity/issue-certificate.ts";
import { createServingCertificate } from "../src/identity/serving-certificate.ts";
import { createSessionAnnouncer } from "../src/sessions/session-announcer.ts";
import { SessionCounts } from "../src/sessions/session-counts.ts";
import { createSetCatalog } from "../src/sets/set-catalog.ts";
import { Resolver } from "../src/workloads/resolver.ts";
import { noDetails } from "../src/workloads/workload.ts";

const requests = Number(process.argv[2] ?? 1_000);
const resolver = new Resolver();
for (let n = 0; n < 150_000; n++)
  resolver.putPod({
    ...{ uid: `uid-${n}`, namespace: `ns-${n % 200}`, name: `web-${n}`, node: `node-${n % 5_000}` },
    ...{ labels: {}, containers: ["main"], details: noDetails },
  });
const certificate = createServingCertificate();
const validity = { from: new Date(Date.now() - 60_000), until: new Date(Date.now() + 3_600_000) };
const authority = await issueAuthority("measure", validity);
const issued = await issueServer(authority, ["127.0.0.1"], validity);
certificate.set({ ...issued, ca: authority.cert });
const logger = createLogger({ level: "error" });
const counts = new SessionCounts();
const sessions = createSessionAnnouncer({ resolver, counts, logger, announce: () => "sent" });
const checkFleet = async () => ({ findings: [], nodes: 0, unknown: 0 });
const known = { catalog: createPolicyCatalog(), sets: createSetCatalog() };
await using server = await createAdmissionServer(
  { logger, certificate, checkFleet, known, sessions },
  { host: "127.0.0.1", port: 0 },
);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const body = JSON.stringify({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    ...{ uid: "u", operation: "CONNECT", subResource: "exec", namespace: "ns-1", name: "web-1" },
    resource: { group: "", version: "v1", resource: "pods" },
    userInfo: { username: "alice", groups: ["devs"] },
    object: { container: "main", command: ["sh"] },
  },
});

function once(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const start = performance.now();
  const call = request(
    {
      ...{ host: "127.0.0.1", port: server.address.port, path: sessionPathOf(issued.key) },
      ...{ method: "POST", agent, ca: authority.cert },
    },
    (response) => {
      response.resume();
      response.once("end", () => resolve(performance.now() - start));
    },
  );
  call.once("error", reject);
  call.end(body);
  return promise;
}

for (let n = 0; n < 50; n++) await once();
const times: number[] = [];
for (let n = 0; n < requests; n++) times.push(await once());
times.sort((a, b) => a - b);
const at = (share: number) => `${times[Math.floor(share * (times.length - 1))]?.toFixed(2)} ms`;
console.log(`p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}; load ${loadavg()[0]}`);
agent.destroy();
