// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createContainerBundles, repoOf } from "./container-bundles.ts";

const folder = mkdtempSync(join(tmpdir(), "bundles-"));
afterAll(() => rmSync(folder, { recursive: true }));

const bundles = createContainerBundles([
  join(folder, "containerd", "ID", "config.json"),
  join(folder, "crio", "ID", "userdata", "config.json"),
]);
let next = 0;
const write = (place: string, content: string, inside = "") => {
  const id = (next++).toString(16).padStart(64, "0");
  mkdirSync(join(folder, place, id, inside), { recursive: true });
  writeFileSync(join(folder, place, id, inside, "config.json"), content);
  return id;
};

describe("container bundles", () => {
  it("reads what containerd was told", () => {
    const annotations = {
      "io.kubernetes.cri.container-name": "web",
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.27",
      "io.kubernetes.cri.sandbox-name": "shop-0",
      "io.kubernetes.cri.sandbox-namespace": "prod",
    };
    const id = write("containerd", JSON.stringify({ ociVersion: "1.2.0", annotations }));
    expect(bundles(id)).toEqual({
      name: "web",
      image: "docker.io/library/nginx:1.27",
      podName: "shop-0",
      podNamespace: "prod",
      runtime: "containerd",
    });
  });

  it("reads what CRI-O was told, and knows the container that holds a pod together", () => {
    const annotations = {
      "io.kubernetes.cri-o.ContainerType": "sandbox",
      "io.kubernetes.container.name": "POD",
      "io.kubernetes.pod.name": "shop-0",
      "io.kubernetes.pod.namespace": "prod",
    };
    const id = write("crio", JSON.stringify({ annotations }), "userdata");
    expect(bundles(id)).toEqual({
      name: "",
      image: "",
      podName: "shop-0",
      podNamespace: "prod",
      runtime: "cri-o",
    });
  });

  it.each([
    ["nothing", ""],
    ["half of it", '{"annotations": {"io.kubernetes.cri.container-type": "cont'],
    ["no annotations", "{}"],
    ["those of others", '{"annotations": {"a": "b"}}'],
    ["other types", '{"annotations": {"io.kubernetes.cri.container-type": 1}}'],
    ["no name", '{"annotations": {"io.kubernetes.cri.container-type": "container"}}'],
    ["null", "null"],
  ])("knows nothing of a container if there is %s", (_, content) => {
    expect(bundles(write("containerd", content))).toBeUndefined();
  });

  it("looks for ids only", () => {
    expect(bundles("../../etc")).toBeUndefined();
    expect(bundles("f".repeat(64))).toBeUndefined();
  });
});

describe("repo of an image", () => {
  it.each([
    ["docker.io/library/nginx:1.27", "docker.io/library/nginx"],
    ["docker.io/library/nginx", "docker.io/library/nginx"],
    ["localhost:5000/a/b", "localhost:5000/a/b"],
    ["localhost:5000/a/b:c@sha256:00", "localhost:5000/a/b"],
    ["nginx@sha256:00", "nginx"],
    ["", ""],
  ])("%s", (image, repo) => {
    expect(repoOf(image)).toBe(repo);
  });
});
