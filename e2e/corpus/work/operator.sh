#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An operator works with the API server: reads its token, lists, watches, writes; a leader is elected.
set -euo pipefail

cat > /tmp/operator.mjs <<'J'
import { createServer, request } from "node:http";
import { readFileSync } from "node:fs";

// Stands for the API server; a real one is another pod's business.
const objects = new Map();
const server = createServer(async (incoming, response) => {
  let body = "";
  for await (const chunk of incoming) body += chunk;
  if (incoming.method === "PUT") objects.set(incoming.url, body);
  if (!incoming.url.includes("watch=true")) return void response.end(objects.get(incoming.url) ?? "{}");
  for (let version = 0; version < 5; version++) response.write(`{"type":"ADDED","version":${version}}\n`);
  response.end();
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
const call = (method, path, body) =>
  new Promise((done) => {
    const authorization = `Bearer ${readFileSync(`${folder}/token`, "utf8")}`;
    request({ port: server.address().port, method, path, headers: { authorization } }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      done(text);
    }).end(body);
  });
console.log(readFileSync(`${folder}/namespace`, "utf8"));
console.log(await call("GET", "/api/v1/pods"));
console.log(await call("GET", "/api/v1/pods?watch=true"));
console.log(await call("PUT", "/apis/coordination.k8s.io/v1/leases/leader", '{"holder":"me"}'));
server.close();
J
mkdir -p /var/run/secrets
[ -e /var/run/secrets/kubernetes.io ] || ln -s /run/secrets/kubernetes.io /var/run/secrets/kubernetes.io
node /tmp/operator.mjs
