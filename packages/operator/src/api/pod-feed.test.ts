// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { Resolver } from "../workloads/resolver.ts";
import { createIntern } from "./intern.ts";
import { createPodFeed } from "./pod-feed.ts";
import type { RawPod } from "./raw-pod.ts";
import { isSamePod, readPod, type WatchedPod } from "./read-pod.ts";

const intern = createIntern();
const container = (name: string) => ({ name });

const raw = (
  uid: string,
  more: Omit<Partial<RawPod>, "metadata"> & {
    readonly metadata?: Partial<RawPod["metadata"]>;
  } = {},
): RawPod => ({
  spec: { nodeName: "node-a", containers: [container("main")] },
  ...more,
  metadata: { name: `pod-${uid}`, namespace: "web", uid, resourceVersion: "1", ...more.metadata },
});

const hash = "0123456789abcdef0123456789abcdef";
const mirror = (uid: string, of: string, node = "node-a") =>
  raw(uid, {
    metadata: {
      annotations: { "kubernetes.io/config.mirror": of },
      ownerReferences: [{ kind: "Node", name: node }],
    },
  });

describe("a pod of the API", () => {
  it("is read with the names of all of its containers", () => {
    const spec = {
      nodeName: "node-a",
      initContainers: [container("init")],
      containers: [container("main"), container("side")],
      ephemeralContainers: [container("debug")],
    };
    expect(
      readPod(raw("u", { spec, metadata: { labels: { app: "shop" } } }), intern),
    ).toMatchObject({
      uid: "u",
      pod: {
        uid: "u",
        namespace: "web",
        name: "pod-u",
        node: "node-a",
        labels: { app: "shop" },
        containers: ["init", "main", "side", "debug"],
        details: { text: '{"workload_kind":"Pod"}' },
      },
    });
  });

  it.each([
    ["no node has it yet", raw("u", { spec: { containers: [container("main")] } })],
    ["it has ended", raw("u", { status: { phase: "Succeeded" } })],
    ["it has failed", raw("u", { status: { phase: "Failed" } })],
  ])("is left out if %s", (_, pod) => {
    expect(readPod(pod, intern)).toBeUndefined();
  });

  it("that mirrors a static one has the UID that the kubelet names its cgroup by", () => {
    expect(readPod(mirror("u", hash), intern)?.pod.uid).toBe(hash);
    expect(readPod(mirror("u", "other-pods-uid"), intern)?.pod.uid).toBe("u");
    expect(readPod(mirror("u", hash, "node-b"), intern)?.pod.uid).toBe("u");
  });

  it("shares what it has in common with others", () => {
    const labels = { app: "shop" };
    const one = readPod(raw("a", { metadata: { labels } }), intern);
    const other = readPod(raw("b", { metadata: { labels: { ...labels } } }), intern);
    expect(one?.pod.labels).toBe(other?.pod.labels);
    expect(one?.pod.containers).toBe(other?.pod.containers);
    expect(
      readPod(raw("c", { spec: { nodeName: "n", containers: [] } }), intern)?.pod,
    ).toMatchObject({ labels: {}, containers: [] });
  });

  it("is another one when anything of it is", () => {
    const read = (pod: RawPod) => readPod(pod, createIntern()) as WatchedPod;
    const before = read(raw("u"));
    expect(isSamePod(before, read(raw("u")))).toBe(true);
    expect(isSamePod(before, read(raw("u", { metadata: { labels: { a: "b" } } })))).toBe(false);
    const spec = { nodeName: "node-a", containers: [container("main"), container("debug")] };
    expect(isSamePod(before, read(raw("u", { spec })))).toBe(false);
    expect(isSamePod(before, read(mirror("u", hash)))).toBe(false);
    const ownerReferences = [{ kind: "Job", name: "j", controller: true }];
    expect(isSamePod(before, read(raw("u", { metadata: { ownerReferences } })))).toBe(false);
  });
});

describe("the feed", () => {
  it("doesn't let one pod take another's place", () => {
    const resolver = new Resolver();
    resolver.putNode("node-a", {});
    const changed: string[] = [];
    const feed = createPodFeed({ resolver, changed: (nodes) => changed.push(...nodes) });
    const put = (pod: RawPod) => {
      const value = readPod(pod, intern) as WatchedPod;
      feed({ type: "added", key: pod.metadata.name, value });
      return value;
    };
    const pods = () =>
      [...(resolver.bundle("node-a")?.pods.keys() ?? [])].map(({ uid, name }) => `${uid} ${name}`);
    const real = put(mirror("u1", hash));
    const copy = put(mirror("u2", hash));
    expect(pods()).toEqual([`${hash} pod-u1`]);
    feed({ type: "deleted", key: "u2", previous: copy });
    expect(pods()).toEqual([`${hash} pod-u1`]);
    feed({ type: "deleted", key: "u1", previous: real });
    expect(pods()).toEqual([]);
    put(mirror("u3", hash));
    expect(pods()).toEqual([`${hash} pod-u3`]);
    expect(changed).toEqual(["node-a", "node-a", "node-a"]);
  });
});
