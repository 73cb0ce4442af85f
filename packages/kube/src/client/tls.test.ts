// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Authority, type Certificate, createAuthority } from "../../test/certificates.ts";
import { createKubeClient } from "./client.ts";
import { type CredentialSource, createCachedSource } from "./credentials.ts";
import { inClusterCredentials } from "./in-cluster-credentials.ts";
import { kubeconfigCredentials } from "./kubeconfig-credentials.ts";

let authority: Authority;
let certificates: readonly Certificate[];
let server: Server;
let address: string;
let directory: string;

type Seen = { readonly token: string; readonly client: string; readonly resumed: boolean };

beforeAll(async () => {
  authority = createAuthority("cluster");
  const { cert, key } = authority.issue("server");
  certificates = ["first", "second"].map((name) => authority.issue(name));
  server = createServer(
    { cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      const token = request.headers.authorization ?? "";
      const status = token.includes("expired") ? 401 : 200;
      response.writeHead(status).end(JSON.stringify({ token, client: subject?.CN ?? "" }));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  directory = await mkdtemp(join(tmpdir(), "gander-kube-"));
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(source: CredentialSource): Promise<Seen> {
  const client = createKubeClient(source);
  try {
    return await client.get<Seen>({ task: "ask", path: "/version" });
  } finally {
    client.close();
  }
}

describe("in a pod", () => {
  const inPod = (maxAgeMs = 60_000) => {
    const [host = "", port = ""] = address.split(":");
    const environment = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
    return inClusterCredentials({ environment, directory, maxAgeMs });
  };
  const mount = async (token: string) => {
    await writeFile(join(directory, "token"), `${token}\n`);
    await writeFile(join(directory, "ca.crt"), authority.cert);
    await writeFile(join(directory, "namespace"), "gander-system\n");
  };

  it("the mounted token and authority are used, and read again when they were rotated", async () => {
    await mount("one");
    const source = inPod(0);
    expect(source.namespace).toBe("gander-system");
    expect(await ask(source)).toMatchObject({ token: "Bearer one" });
    await mount("two");
    expect(await ask(source)).toMatchObject({ token: "Bearer two" });
  });

  it("a token that expired before its time is read again at once", async () => {
    await mount("expired");
    const source = inPod();
    await source.read();
    await mount("fresh");
    expect(await ask(source)).toMatchObject({ token: "Bearer fresh" });
  });

  it("says what to mount", async () => {
    const environment = { KUBERNETES_SERVICE_HOST: "::1" };
    const source = inClusterCredentials({ environment, directory: join(directory, "none") });
    await expect(source.read()).rejects.toMatchObject({
      code: "kube-configuration",
      hint: expect.stringContaining("automountServiceAccountToken"),
    });
    expect(() => inClusterCredentials({ environment: {} })).toThrow("there is no KUBECONFIG");
  });
});

describe("with a kubeconfig", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const write = async (
    user: unknown,
    context: unknown = { cluster: "c", user: "u", namespace: "n" },
  ) => {
    const path = join(directory, "config");
    const cluster = {
      server: `https://${address}`,
      "certificate-authority-data": base64(authority.cert),
    };
    const config = {
      clusters: [{ name: "c", cluster }],
      users: [{ name: "u", user }],
      contexts: [{ name: "x", context }],
      "current-context": "x",
    };
    await writeFile(path, JSON.stringify(config));
    return path;
  };

  it("its token is used, and the file is read again after a refusal", async () => {
    const path = await write({ token: "expired" });
    const source = await kubeconfigCredentials({ path });
    expect(source.namespace).toBe("n");
    await source.read();
    await write({ token: "fresh" });
    expect(await ask(source)).toMatchObject({ token: "Bearer fresh" });
  });

  it("its certificate is used, and its helper program", async () => {
    const [{ cert, key } = { cert: "", key: "" }] = certificates;
    const user = { "client-certificate-data": base64(cert), "client-key-data": base64(key) };
    const byCertificate = await kubeconfigCredentials({ path: await write(user) });
    expect(await ask(byCertificate)).toEqual({ token: "", client: "first" });
    const credential = { status: { token: "made" } };
    const exec = { command: "echo", args: [JSON.stringify(credential)], apiVersion: "x/v1" };
    const byProgram = await kubeconfigCredentials({ path: await write({ exec }) });
    expect(await ask(byProgram)).toEqual({ token: "Bearer made", client: "" });
  });

  it("says what is missing", async () => {
    const path = await write({ token: "t" }, { cluster: "other", user: "u" });
    const check = (options: { path: string; context?: string }) =>
      expect(kubeconfigCredentials(options)).rejects;
    await check({ path }).toThrow('has no context "x", or the context\'s cluster is missing');
    await check({ path, context: "y" }).toThrow('has no context "y"');
    await check({ path: join(directory, "nothing") }).toThrow("cannot be read: ENOENT");
  });
});

it("refuses a server of another authority, and says so", async () => {
  const tls = { ca: createAuthority("other").cert };
  const url = new URL(`https://${address}`);
  const source = createCachedSource(async () => ({ server: url, headers: {}, tls }), {
    namespace: "n",
  });
  await expect(ask(source)).rejects.toMatchObject({
    code: "kube-unreachable",
    hint: expect.stringContaining("certificate authority"),
  });
});

it("makes new connections when its certificate was rotated", async () => {
  let current = 0;
  const url = new URL(`https://${address}`);
  const source = createCachedSource(
    async () => ({
      server: url,
      headers: {},
      tls: { ca: authority.cert, ...certificates[current] },
    }),
    { namespace: "n", maxAgeMs: 0 },
  );
  const client = createKubeClient(source);
  const name = async () => (await client.get<Seen>({ task: "ask", path: "/" })).client;
  expect([await name(), await name()]).toEqual(["first", "first"]);
  current = 1;
  expect([await name(), await name()]).toEqual(["second", "second"]);
  client.close();
});
