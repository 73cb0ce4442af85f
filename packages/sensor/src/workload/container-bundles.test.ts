// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
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
const writtenS = 1_700_000_000.25;
const write = (place: string, content: string, inside = "") => {
  const id = (next++).toString(16).padStart(64, "0");
  mkdirSync(join(folder, place, id, inside), { recursive: true });
  const path = join(folder, place, id, inside, "config.json");
  writeFileSync(path, content);
  utimesSync(path, writtenS, writtenS);
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
      imageId: "",
      startedMs: writtenS * 1000,
      isPrivileged: false,
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
      imageId: "",
      startedMs: writtenS * 1000,
      isPrivileged: false,
      podName: "shop-0",
      podNamespace: "prod",
      runtime: "cri-o",
    });
  });

  it("reads which image CRI-O found", () => {
    const annotations = {
      "io.kubernetes.cri-o.ContainerType": "container",
      "io.kubernetes.container.name": "web",
      "io.kubernetes.cri-o.ImageName": "quay.io/shop/web:1",
      "io.kubernetes.cri-o.ImageRef": "ab".repeat(32),
    };
    const id = write("crio", JSON.stringify({ annotations }), "userdata");
    expect(bundles(id)).toMatchObject({ image: "quay.io/shop/web:1", imageId: "ab".repeat(32) });
  });

  const none = { allow: false, access: "rwm" };
  it.each([
    ["all devices, as containerd and CRI-O write it", [{ allow: true, access: "rwm" }], true],
    [
      "all devices, spelled out",
      [none, { allow: true, type: "a", major: -1, access: "rwm" }],
      true,
    ],
    ["no devices", [none], false],
    ["one device", [none, { allow: true, type: "c", major: 1, minor: 3, access: "rwm" }], false],
    ["all terminals", [none, { allow: true, type: "c", major: 136, access: "rwm" }], false],
    ["the nodes of all devices", [none, { allow: true, access: "m" }], false],
    ["other types", [null, 1, "rwm", { allow: "true", access: "rwm" }], false],
    ["no list", { allow: true, access: "rwm" }, false],
  ])("calls a container with %s privileged: %j: %s", (_, devices, expected) => {
    const annotations = {
      "io.kubernetes.cri.container-name": "web",
      "io.kubernetes.cri.container-type": "container",
    };
    const linux = { resources: { devices } };
    const id = write("containerd", JSON.stringify({ annotations, linux }));
    expect(bundles(id)?.isPrivileged).toBe(expected);
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
