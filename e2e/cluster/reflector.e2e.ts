// SPDX-License-Identifier: Apache-2.0

import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  createKubeClient,
  inClusterCredentials,
  type KubeClient,
  kubeconfigCredentials,
  unfenced,
} from "@gander/kube";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { waitUntil } from "../tests/lib/wait-until.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import {
  createNamespace,
  createNode,
  createPod,
  createServiceAccount,
  deletePod,
} from "./lib/cluster-objects.ts";
import { followPods } from "./lib/followed-pods.ts";
import { createNetworkLink, type NetworkLink } from "./lib/network-link.ts";

let cluster: ControlPlane;
let namespace: string;
let namespaces = 0;
beforeAll(async () => {
  cluster = await startControlPlane();
  await createNode(cluster.client, "node-1");
});
afterAll(() => cluster[Symbol.asyncDispose]());
beforeEach(async () => {
  namespace = `reflector-${++namespaces}`;
  await createNamespace(cluster.client, namespace);
});

/** Silence is noticed soon, the rest is as in production. */
const impatient = { watchIdleMs: 5_000, listIdleMs: 5_000 };

const addPods = (...names: string[]) =>
  Promise.all(names.map((name) => createPod(cluster.client, { namespace, name, node: "node-1" })));

async function label(name: string, tier: string): Promise<void> {
  await cluster.client.write({
    task: "label a pod",
    method: "PATCH",
    permit: unfenced,
    path: `/api/v1/namespaces/${namespace}/pods/${name}`,
    contentType: "application/merge-patch+json",
    body: { metadata: { labels: { tier } } },
  });
}

async function clientVia(link: NetworkLink): Promise<KubeClient> {
  return createKubeClient(await kubeconfigCredentials({ path: cluster.kubeconfigVia(link.url) }));
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `pod-${index}`);

describe("a reflector", () => {
  it("lists in pages and follows", async () => {
    await addPods(...numbered(25));
    let requests = 0;
    const source = await kubeconfigCredentials({ path: cluster.kubeconfig });
    const client = createKubeClient(source, { observe: () => requests++ });
    await using pods = followPods({ namespace, client, witness: cluster.client, pageSize: 10 });
    await pods.agree();
    await waitUntil("it watches", () => pods.reflector.state().phase === "watching");
    expect(requests).toBe(4);
    expect(pods.changes).toHaveLength(25);

    await addPods("later");
    await label("later", "front");
    await deletePod(cluster.client, namespace, "pod-3");
    await pods.agree();
    expect(pods.changes.slice(25)).toEqual([
      `added ${namespace}/later`,
      `updated ${namespace}/later`,
      `updated ${namespace}/later`,
      `deleted ${namespace}/pod-3`,
    ]);
    expect(pods.reflector.state()).toMatchObject({ lists: 1, lastError: undefined });
    client.close();
  });

  it("begins again when the pages of a list expire while they are read", async () => {
    await cluster.stopApiServer("SIGKILL");
    // With the cache, pages come from a snapshot that etcd can't remove.
    await cluster.startApiServer(["--watch-cache=false"]);
    await addPods(...numbered(25));
    await using link = await createNetworkLink(() => [cluster.port]);
    const client = await clientVia(link);
    let objects = 0;
    // Not earlier: data behind the first object may still be under way.
    const hold = () => ++objects === 10 && link.stall("all");
    const options = { namespace, witness: cluster.client, pageSize: 10, timing: impatient };
    await using pods = followPods({ ...options, client, onObject: hold });
    await waitUntil("the first page is read", () => objects === 10);
    await label("pod-0", "changed");
    await cluster.compactEtcd();
    link.restore();
    await pods.agree();
    expect(
      pods.reflector.state().restarts.expired + pods.reflector.state().restarts.connection,
    ).toBeGreaterThan(0);
    client.close();
    await cluster.stopApiServer("SIGKILL");
    await cluster.startApiServer([]);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`goes on after the API server was ended by ${signal} and comes back`, async () => {
      await addPods("a", "b");
      const { client } = cluster;
      await using pods = followPods({ namespace, client, witness: client });
      await pods.agree();
      await cluster.stopApiServer(signal);
      await waitUntil("it notices", () => pods.reflector.state().phase === "waiting");
      expect(pods.reflector.store.size).toBe(2);
      await cluster.startApiServer();
      await deletePod(cluster.client, namespace, "a");
      await addPods("c");
      await label("b", "changed");
      await pods.agree();
    });
  }

  for (const flags of [["--watch-cache=true"], ["--watch-cache=false"]]) {
    it(`lists again when etcd has forgotten its version (${flags})`, async () => {
      await cluster.stopApiServer("SIGKILL");
      await cluster.startApiServer(flags);
      await addPods("stays", "goes", "comes-again");
      await using link = await createNetworkLink(() => [cluster.port]);
      const client = await clientVia(link);
      await using pods = followPods({
        namespace,
        client,
        witness: cluster.client,
        timing: impatient,
      });
      await pods.agree();
      link.stall("all");
      await deletePod(cluster.client, namespace, "goes");
      await deletePod(cluster.client, namespace, "comes-again");
      await addPods("comes-again", "new");
      await cluster.compactEtcd();
      // A cache that had run all the time would still know.
      await cluster.stopApiServer("SIGKILL");
      await cluster.startApiServer(flags);
      link.restore();
      await pods.agree();
      const { restarts, lists } = pods.reflector.state();
      expect(restarts.expired).toBe(1);
      expect(lists).toBe(2);
      expect(pods.changes.slice(3).sort()).toEqual([
        `added ${namespace}/comes-again`,
        `added ${namespace}/new`,
        `deleted ${namespace}/comes-again`,
        `deleted ${namespace}/goes`,
      ]);
      client.close();
    });
  }

  it("keeps what it has while etcd is away, and goes on", async () => {
    await addPods("a", "b");
    const { client } = cluster;
    await using pods = followPods({ namespace, client, witness: client, timing: impatient });
    await pods.agree();
    await cluster.etcd.stop();
    const path = `/api/v1/namespaces/${namespace}/pods/a`;
    const answers = () =>
      cluster.client.get({ task: "get a pod", path, timeoutMs: 2_000 }).then(
        () => true,
        () => false,
      );
    await waitUntil("the API server is at a loss", async () => !(await answers()));
    expect(pods.reflector.store.size).toBe(2);
    expect(pods.changes).toHaveLength(2);
    await cluster.etcd.start();
    await waitUntil("the API server is back", answers);
    await addPods("c");
    await deletePod(cluster.client, namespace, "a");
    await pods.agree();
  });

  for (const flags of [["--watch-cache=true"], ["--watch-cache=false"]]) {
    it(`believes the server when a backup of etcd was played back (${flags})`, async () => {
      const backup = join(cluster.directory, `${namespace}.backup`);
      const whileStopped = async (work: () => Promise<void>) => {
        await cluster.stopApiServer("SIGKILL");
        await cluster.etcd.stop();
        await work();
        await cluster.etcd.start();
        await cluster.startApiServer(flags);
      };
      await addPods("kept", "deleted-since");
      await whileStopped(() => cluster.etcd.save(backup));
      const { client } = cluster;
      await using pods = followPods({ namespace, client, witness: client, timing: impatient });
      await deletePod(cluster.client, namespace, "deleted-since");
      await addPods(...numbered(10));
      await pods.agree();
      await whileStopped(() => cluster.etcd.restore(backup));
      await pods.agree();
      expect([...pods.reflector.store.keys()].sort()).toEqual([
        `${namespace}/deleted-since`,
        `${namespace}/kept`,
      ]);
      await addPods("new");
      await pods.agree();
      // The server does not report a version in its future; silence is the only sign.
      expect(pods.reflector.state().restarts.silence).toBeGreaterThanOrEqual(2);
    });
  }

  it("goes on where it was when a watch hangs without being closed", async () => {
    await addPods("a");
    await using link = await createNetworkLink(() => [cluster.port]);
    const client = await clientVia(link);
    await using pods = followPods({
      namespace,
      client,
      witness: cluster.client,
      timing: impatient,
    });
    await pods.agree();
    await waitUntil("it watches", () => pods.reflector.state().phase === "watching");
    link.stall("standing");
    await addPods("b");
    await label("a", "changed");
    expect(pods.reflector.store.size).toBe(1);
    await pods.agree();
    expect(pods.reflector.state().restarts.silence).toBeGreaterThan(0);
    expect(pods.reflector.state().lists).toBe(1);
    client.close();
  });

  it("comes back after a network that was gone for long, and after resets", async () => {
    await addPods("a", "b");
    await using link = await createNetworkLink(() => [cluster.port]);
    const client = await clientVia(link);
    await using pods = followPods({
      namespace,
      client,
      witness: cluster.client,
      timing: impatient,
    });
    await pods.agree();
    link.stall("all");
    await deletePod(cluster.client, namespace, "a");
    await waitUntil("it has tried in vain", () => pods.reflector.state().restarts.server > 0);
    link.restore();
    await pods.agree();
    for (const tier of ["one", "two", "three"]) {
      link.reset();
      await label("b", tier);
      await pods.agree();
    }
    expect(pods.reflector.state().restarts.connection).toBeGreaterThanOrEqual(3);
    client.close();
  });

  describe("with a pod's credentials", () => {
    const account = "operator";

    async function mountToken(directory: string, expirationSeconds: number): Promise<string> {
      const options = { namespace, serviceAccount: account, expirationSeconds };
      const token = await cluster.token(options);
      await writeFile(join(directory, "token"), token);
      return token;
    }

    async function mountCredentials(expirationSeconds: number) {
      await createServiceAccount(cluster.client, namespace, account);
      const grant = ["--role=reader", `--serviceaccount=${namespace}:${account}`, "-n", namespace];
      const rights = ["--verb=list,watch", "--resource=pods", "-n", namespace];
      await cluster.kubectl(["create", "role", "reader", ...rights]);
      await cluster.kubectl(["create", "rolebinding", "reader", ...grant]);
      const directory = join(cluster.directory, namespace);
      mkdirSync(directory);
      await writeFile(join(directory, "ca.crt"), cluster.ca);
      const token = await mountToken(directory, expirationSeconds);
      const environment = {
        KUBERNETES_SERVICE_HOST: "127.0.0.1",
        KUBERNETES_SERVICE_PORT: String(cluster.port),
      };
      const statuses: number[] = [];
      const client = createKubeClient(inClusterCredentials({ environment, directory }), {
        observe: ({ status }) => statuses.push(status),
      });
      return { directory, client, token, statuses };
    }

    async function untilRefused(token: string): Promise<void> {
      const words = ["get", "pods", "-n", namespace, "--kubeconfig=/dev/null"];
      const access = [`--server=${cluster.url}`, `--certificate-authority=${cluster.caFile}`];
      await waitUntil("the token is refused", () =>
        cluster.kubectl([...words, ...access, `--token=${token}`]).then(
          () => false,
          (error) => /Unauthorized|logged in/.test(String(error)),
        ),
      );
    }

    it("takes a new token from its file when the old one is refused", async () => {
      const { client, directory, token, statuses } = await mountCredentials(10);
      const timing = { watchSeconds: 2 };
      await using pods = followPods({ namespace, client, witness: cluster.client, timing });
      await addPods("a");
      await pods.agree();
      await mountToken(directory, 3600);
      await untilRefused(token);
      await addPods("b");
      await pods.agree();
      await waitUntil("the old one was refused", () => statuses.includes(401));
      await addPods("c");
      await pods.agree();
      expect(pods.reflector.state().restarts.credentials).toBe(0);
      client.close();
    });

    it("waits for a new token when there is none, and goes on without a list", async () => {
      const { client, directory } = await mountCredentials(5);
      const timing = { watchSeconds: 2 };
      await using pods = followPods({ namespace, client, witness: cluster.client, timing });
      await addPods("a");
      await pods.agree();
      await waitUntil("it is refused", () => pods.reflector.state().restarts.credentials > 0);
      expect(pods.reflector.state().lastError?.code).toBe("kube-unauthorized");
      await addPods("b");
      await mountToken(directory, 3600);
      await pods.agree();
      expect(pods.reflector.state().lists).toBe(1);
      client.close();
    });
  });
});
