// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { createKubeClient, kubeconfigCredentials, unfenced } from "@gander/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import {
  createNamespace,
  createNode,
  createPod,
  createServiceAccount,
} from "./lib/cluster-objects.ts";

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane();
});
afterAll(() => cluster[Symbol.asyncDispose]());

type Review = {
  readonly status: {
    readonly authenticated?: boolean;
    readonly error?: string;
    readonly user?: {
      readonly username: string;
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
};

async function review(token: string, audience: string): Promise<Review["status"]> {
  const { status } = await cluster.client.write<Review>({
    task: "review a token",
    method: "POST",
    permit: unfenced,
    path: "/apis/authentication.k8s.io/v1/tokenreviews",
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, audiences: [audience] },
    },
  });
  return status;
}

describe("a control plane", () => {
  it("is of the release it was built from", async () => {
    const { stdout } = await cluster.kubectl(["version", "-o", "json"]);
    const { clientVersion, serverVersion } = JSON.parse(stdout);
    expect(serverVersion.gitVersion).toMatch(/^v1\.\d+\.\d+$/);
    expect(clientVersion.gitVersion).toBe(serverVersion.gitVersion);
  });

  it("lets a service account do what RBAC says, and no more", async () => {
    await createNamespace(cluster.client, "accounts");
    await createServiceAccount(cluster.client, "accounts", "reader");
    const kubeconfig = await cluster.serviceAccountKubeconfig("accounts", "reader");
    const canList = () => cluster.kubectl(["get", "configmaps"], { kubeconfig });
    await expect(canList()).rejects.toThrow(/accounts:reader" cannot list resource "configmaps"/);
    const inNamespace = ["reader", "-n", "accounts"];
    const grant = ["--role=reader", "--serviceaccount=accounts:reader"];
    const rights = ["--verb=list", "--resource=configmaps"];
    await cluster.kubectl(["create", "role", ...inNamespace, ...rights]);
    await cluster.kubectl(["create", "rolebinding", ...inNamespace, ...grant]);
    // On a busy machine one call of kubectl takes longer than the second that poll would wait.
    await expect
      .poll(() => canList().then(({ stderr }) => stderr), { timeout: 60_000 })
      .toContain("No resources found");
  });

  it("names the node in the token of a pod that is bound to it", async () => {
    await createNamespace(cluster.client, "sensors");
    await createServiceAccount(cluster.client, "sensors", "sensor");
    await createNode(cluster.client, "node-1");
    const account = { namespace: "sensors", serviceAccount: "sensor" };
    const boundPod = await createPod(cluster.client, {
      ...account,
      name: "sensor-1",
      node: "node-1",
    });
    const audience = "gander-operator";
    const token = await cluster.token({ ...account, audience, boundPod });
    const { authenticated, user } = await review(token, audience);
    expect(authenticated).toBe(true);
    expect(user?.username).toBe("system:serviceaccount:sensors:sensor");
    expect(user?.extra?.["authentication.kubernetes.io/node-name"]).toEqual(["node-1"]);
    expect(user?.extra?.["authentication.kubernetes.io/pod-uid"]).toEqual([boundPod.uid]);
    expect((await review(token, "another-audience")).authenticated).not.toBe(true);
  });

  it("refuses a short token when it has expired", async () => {
    const account = { namespace: "sensors", serviceAccount: "sensor" };
    const token = await cluster.token({ ...account, audience: "short", expirationSeconds: 3 });
    expect(await review(token, "short")).toMatchObject({ authenticated: true });
    await expect
      .poll(() => review(token, "short").then((status) => status.error ?? ""), { timeout: 30_000 })
      .toContain("expired");
  });

  it("stays what it is through a restart and a compaction", async () => {
    await createNamespace(cluster.client, "before");
    await cluster.stopApiServer();
    await cluster.startApiServer(["--watch-cache=false"]);
    await expect(cluster.compactEtcd()).resolves.toBeGreaterThan(1);
    const client = createKubeClient(await kubeconfigCredentials({ path: cluster.kubeconfig }));
    const path = "/api/v1/namespaces/before";
    await expect(client.get({ task: "get a namespace", path })).resolves.toBeDefined();
    client.close();
  });

  it("says what its server said when it can't start", async () => {
    await expect(startControlPlane({ flags: ["--no-such-flag"] })).rejects.toThrow(
      /Cannot start kube-apiserver: it ended with status 1[\s\S]*unknown flag: --no-such-flag/,
    );
  });

  it("leaves nothing behind", async () => {
    const other = await startControlPlane();
    const { directory, url } = other;
    await other[Symbol.asyncDispose]();
    expect(existsSync(directory)).toBe(false);
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });
});
