// SPDX-License-Identifier: Apache-2.0
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { headerLayouts } from "../records/header-layouts.ts";
import { recordOffsets } from "../records/record-layouts.ts";
import { RecordReader } from "../records/record-reader.ts";
import { type CgroupsOptions, createCgroups } from "./cgroups.ts";
import type { ContainerFacts } from "./container-bundles.ts";
import type { PodCgroup } from "./pod-cgroups.ts";
import { noWorkload, type Workload } from "./workload.ts";

const root = mkdtempSync(join(tmpdir(), "cgroups-"));
afterAll(() => rmSync(root, { recursive: true }));

const offsets = recordOffsets(headerLayouts());
const uidA = "aaaaaaaa-1111-2222-3333-0123456789ab";
const uidB = "bbbbbbbb-1111-2222-3333-0123456789ab";
const webId = "1".repeat(64);
const dbId = "2".repeat(64);
const podA = { uid: uidA, namespace: "shop", name: "a-0", labels: { app: "a" } };
const web: ContainerFacts = {
  name: "web",
  image: "docker.io/library/nginx:1.27",
  imageId: "docker.io/library/nginx@sha256:12",
  startedMs: 1_700_000_000_250,
  isPrivileged: true,
  podName: "a-0",
  podNamespace: "shop",
  runtime: "containerd",
};

function create(options: Partial<CgroupsOptions> = {}) {
  const facts = new Map<string, ContainerFacts>([[webId, web]]);
  const cgroups = createCgroups(offsets, { root, bundles: (id) => facts.get(id), ...options });
  const changed: PodCgroup[] = [];
  const removed: bigint[] = [];
  const replaced: [Workload, Workload][] = [];
  cgroups.onChanged((cgroup) => changed.push(cgroup));
  cgroups.onRemoved((id) => removed.push(id));
  cgroups.onReplaced((workloads) => replaced.push(...workloads));
  const reader = new RecordReader();
  const record = (id: bigint, parentId: bigint, path: string, hierarchy = 0) => {
    const at = offsets.cgroupRecord;
    const bytes = Buffer.alloc(Math.ceil((at.size + path.length) / 8) * 8);
    bytes.writeBigUInt64LE(id, at.id);
    bytes.writeBigUInt64LE(parentId, at.parentId);
    bytes.writeUInt32LE(hierarchy, at.hierarchy);
    bytes.writeUInt16LE(path.length, at.path + offsets.text.size);
    bytes.write(path, at.size);
    reader.over(bytes);
    reader.at(0, bytes.length);
    return reader;
  };
  const made = (id: bigint, parent: bigint, path: string, hierarchy?: number) =>
    cgroups.created(record(id, parent, path, hierarchy));
  const gone = (id: bigint) => cgroups.removed(record(id, 0n, ""));
  const of = (id: bigint) => cgroups.of(Number(id & 0xffff_ffffn), Number(id >> 32n));
  const podOf = (id: bigint) => [...cgroups.inPods()].find((one) => one.id === id)?.pod;
  return { cgroups, facts, changed, removed, replaced, made, gone, of, podOf };
}

describe("cgroups", () => {
  it("finds pods and containers below them as they are made", () => {
    const { cgroups, made, of, changed } = create();
    cgroups.tell([podA]);
    made(2n, 1n, "/system.slice");
    made(3n, 1n, "/kubepods.slice");
    made(4n, 3n, "/kubepods.slice/kubepods-burstable.slice");
    const slice = `kubepods-burstable-pod${uidA.replaceAll("-", "_")}.slice`;
    made(5n, 4n, `/kubepods.slice/kubepods-burstable.slice/${slice}`);
    made(6n, 5n, `/kubepods.slice/x/${slice}/cri-containerd-${webId}.scope`);
    made(7n, 6n, `/kubepods.slice/x/${slice}/cri-containerd-${webId}.scope/init`);
    expect(changed).toEqual([
      { id: 3n, pod: "", container: "unknown" },
      { id: 4n, pod: "", container: "unknown" },
      { id: 5n, pod: uidA, container: "unknown" },
      { id: 6n, pod: uidA, container: web },
      { id: 7n, pod: uidA, container: web },
    ]);
    expect(cgroups.size()).toBe(5);
    expect(of(7n)).toEqual({
      containerId: webId,
      pod: {
        namespace: "shop",
        name: "a-0",
        uid: uidA,
        container: {
          id: `containerd://${webId}`,
          name: "web",
          image: { id: web.imageId, name: web.image },
          start_time: { seconds: "1700000000", nanos: 250_000_000 },
          security_context: { privileged: true },
        },
        pod_labels: { app: "a" },
      },
    });
    expect(of(7n)).toBe(of(6n));
    expect(of(5n).pod?.container).toBeUndefined();
    expect(of(2n)).toBe(noWorkload);
    made(9n, 6n, "/of/another/hierarchy", 3);
    expect(cgroups.size()).toBe(5);
  });

  it("knows of a pod that nobody told of what the runtime knows, and no labels", () => {
    const { made, of } = create();
    made(5n, 1n, `/kubepods/burstable/pod${uidA}`);
    made(6n, 5n, `/kubepods/burstable/pod${uidA}/${webId}`);
    made(7n, 5n, `/kubepods/burstable/pod${uidA}/${dbId}`);
    expect(of(6n).pod).toMatchObject({ namespace: "shop", name: "a-0", uid: uidA });
    expect(of(6n).pod).not.toHaveProperty("pod_labels");
    expect(of(7n).pod).toEqual({ uid: uidA, container: { id: dbId } });
  });

  it("leaves containers outside of pods what they were", () => {
    const { made, of, cgroups } = create();
    made(6n, 1n, `/system.slice/docker-${webId}.scope`);
    made(7n, 6n, `/system.slice/docker-${webId}.scope/nested`);
    expect(of(7n)).toEqual({ containerId: webId, pod: undefined });
    expect([...cgroups.inPods()]).toEqual([]);
  });

  it("lets no workload pass for another one", () => {
    const { cgroups, made, of, podOf } = create();
    cgroups.tell([podA, { ...podA, uid: uidB, name: "b-0" }]);
    made(5n, 1n, `/kubepods/pod${uidA}`);
    made(6n, 5n, `/kubepods/pod${uidA}/${webId}`);
    made(7n, 6n, `/kubepods/pod${uidA}/${webId}/pod${uidB}`);
    made(8n, 7n, `/kubepods/pod${uidA}/${webId}/pod${uidB}/${dbId}`);
    expect(podOf(8n)).toBe(uidA);
    expect(of(8n)).toBe(of(6n));
  });

  const under = uidA.replaceAll("-", "_");
  const slices = "/kubepods.slice/kubepods-burstable.slice";
  const slice = `${slices}/kubepods-burstable-pod${under}.slice`;
  const kubelet = "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice";
  const kindSlice = `${kubelet}/kubelet-kubepods-besteffort-pod${under}.slice`;
  it.each([
    ["containerd, systemd", `${slice}/cri-containerd-${webId}.scope`],
    [
      "containerd, systemd, guaranteed",
      `/kubepods.slice/kubepods-pod${under}.slice/cri-containerd-${webId}.scope`,
    ],
    ["containerd, cgroupfs (k3s, Talos)", `/kubepods/burstable/pod${uidA}/${webId}`],
    ["containerd, cgroupfs, guaranteed", `/kubepods/pod${uidA}/${webId}`],
    [
      "containerd, cgroupfs, with names as for systemd",
      `/system.slice/containerd.service/kubepods-burstable-pod${under}.slice:cri-containerd:${webId}`,
    ],
    ["CRI-O, systemd", `${slice}/crio-${webId}.scope`],
    ["CRI-O with crun", `${slice}/crio-${webId}.scope/container`],
    ["CRI-O, cgroupfs", `/kubepods/besteffort/pod${uidA}/crio-${webId}`],
    ["cri-dockerd, systemd", `${slice}/docker-${webId}.scope`],
    ["kind", `/system.slice/docker-${dbId}.scope${kindSlice}/cri-containerd-${webId}.scope`],
    ["kind, cgroupfs", `/docker/${dbId}/kubelet/kubepods/besteffort/pod${uidA}/${webId}`],
    [
      "kind in podman",
      `/machine.slice/libpod-${dbId}.scope/container${kindSlice}/crio-${webId}.scope`,
    ],
    ["k3s in docker", `/docker/${dbId}/kubepods/burstable/pod${uidA}/${webId}`],
    ["kubelet with a root of its own", `/mine/kubepods/burstable/pod${uidA}/${webId}`],
    [
      "systemd in the container",
      `${slice}/cri-containerd-${webId}.scope/system.slice/nginx.service`,
    ],
    ["docker in the container", `${slice}/cri-containerd-${webId}.scope/docker/${dbId}`],
  ])("knows pod and container by the names of %s", (_, path) => {
    const { cgroups, made, of, podOf } = create();
    cgroups.tell([podA]);
    const names = path.slice(1).split("/");
    for (const i of names.keys())
      made(BigInt(i + 2), BigInt(i + 1), `/${names.slice(0, i + 1).join("/")}`);
    const last = BigInt(names.length + 1);
    expect([podOf(last), of(last).containerId]).toEqual([uidA, webId]);
    expect(of(last).pod).toMatchObject({ name: "a-0", container: { name: "web" } });
  });

  it("takes the process that watches a container of CRI-O for no part of it", () => {
    const { cgroups, made, of } = create();
    cgroups.tell([podA]);
    made(5n, 1n, slice);
    made(6n, 5n, `${slice}/crio-conmon-${webId}.scope`);
    expect(of(6n)).toMatchObject({ containerId: "", pod: { name: "a-0" } });
    expect(of(6n).pod).not.toHaveProperty("container");
  });

  it("finds the pods of a node that runs in a pod of another cluster", () => {
    const { cgroups, made, of, podOf } = create();
    made(5n, 1n, `/kubepods/pod${uidB}`);
    made(6n, 5n, `/kubepods/pod${uidB}/${dbId}`);
    made(7n, 6n, `/x/${dbId}/kubelet.slice/kubelet-kubepods-pod${uidA.replaceAll("-", "_")}.slice`);
    made(8n, 7n, `/x/y/cri-containerd-${webId}.scope`);
    expect(podOf(8n)).toBe(uidB);
    cgroups.tell([podA]);
    expect(podOf(8n)).toBe(uidA);
    expect(of(8n)).toMatchObject({ containerId: webId, pod: { name: "a-0" } });
    expect(podOf(6n)).toBe(uidB);
  });

  it.each([
    ["a Deployment", { workload: "shop", workloadKind: "Deployment" }, "shop", "Deployment"],
    ["itself", { workload: "", workloadKind: "Pod" }, "a-0", "Pod"],
    ["what is unknown", { workload: "shop", workloadKind: "" }, undefined, undefined],
    ["what nobody told", undefined, undefined, undefined],
  ])("shows what a pod is a part of: %s", (_, details, workload, kind) => {
    const { cgroups, made, of } = create();
    cgroups.tell([{ ...podA, ...(details && { details }) }]);
    made(5n, 1n, `/kubepods/pod${uidA}`);
    expect([of(5n).pod?.workload, of(5n).pod?.workload_kind]).toEqual([workload, kind]);
  });

  it("shows the annotations that were asked for", () => {
    const { cgroups, made, of } = create();
    const details = { workload: "", workloadKind: "", annotations: { team: "shop" } };
    cgroups.tell([{ ...podA, details }]);
    made(5n, 1n, `/kubepods/pod${uidA}`);
    expect(of(5n).pod?.pod_annotations).toEqual({ team: "shop" });
  });

  it("knows the exec probes and the image of a container by its name", () => {
    const { cgroups, made, of } = create();
    const containers = [
      { name: "db", execProbes: [["/db"]], imageId: "" },
      { name: "web", execProbes: [["/check", "-a"]], imageId: "nginx@sha256:34" },
    ];
    cgroups.tell([{ ...podA, details: { workload: "", workloadKind: "Pod", containers } }]);
    made(5n, 1n, `/kubepods/pod${uidA}`);
    made(6n, 5n, `/kubepods/pod${uidA}/${webId}`);
    made(7n, 5n, `/kubepods/pod${uidA}/${dbId}`);
    expect(of(6n).execProbes).toEqual([["/check", "-a"]]);
    // Kubernetes' own.
    expect(of(6n).pod?.container?.image).toEqual({ id: "nginx@sha256:34", name: web.image });
    // Its container's name is not known yet.
    expect(of(7n)).not.toHaveProperty("execProbes");
    expect(of(5n)).not.toHaveProperty("execProbes");
  });

  it("tells who knew less when more is known", () => {
    const { cgroups, made, of, replaced, changed } = create();
    made(5n, 1n, `/kubepods/pod${uidA}`);
    made(6n, 5n, `/kubepods/pod${uidA}/${webId}`);
    const before = of(6n);
    changed.length = 0;
    cgroups.tell([podA]);
    expect(replaced).toContainEqual([before, of(6n)]);
    expect(changed.map(({ id }) => id)).toEqual([5n, 6n]);
    replaced.length = 0;
    const again = { ...podA };
    cgroups.tell([again]);
    cgroups.tell([again]);
    expect(replaced.length).toBe(2);
  });

  it("looks again for a container's bundle until it is there", () => {
    vi.useFakeTimers();
    const { facts, made, changed, podOf } = create();
    made(5n, 1n, `/kubepods/pod${uidA}`);
    made(6n, 5n, `/kubepods/pod${uidA}/${dbId}`);
    made(7n, 6n, `/kubepods/pod${uidA}/${dbId}/init`);
    expect(changed.at(-1)).toEqual({ id: 7n, pod: uidA, container: "unknown" });
    vi.advanceTimersByTime(300);
    facts.set(dbId, { ...web, name: "db" });
    changed.length = 0;
    vi.advanceTimersByTime(1_000);
    vi.useRealTimers();
    expect(changed.map(({ id, container }) => [id, container !== "unknown"])).toContainEqual([
      7n,
      true,
    ]);
    expect(podOf(7n)).toBe(uidA);
  });

  it("learns what is there already, and twice after it that something has gone", () => {
    const pod = join(root, "kubepods", `pod${uidA}`);
    const container = join(pod, webId);
    mkdirSync(container, { recursive: true });
    mkdirSync(join(root, "system.slice"), { recursive: true });
    const { cgroups, removed, podOf, of } = create();
    cgroups.scan();
    const { ino } = lstatSync(container, { bigint: true });
    expect(podOf(ino)).toBe(uidA);
    expect(cgroups.size()).toBe(3);
    rmSync(container, { recursive: true });
    cgroups.scan();
    expect(removed).toEqual([]);
    cgroups.scan();
    expect(removed).toEqual([ino]);
    expect(podOf(ino)).toBeUndefined();
    // Events of its processes may still come.
    expect(of(ino).containerId).toBe(webId);
  });

  it("tells of the end once and forgets a while later", () => {
    const { cgroups, made, gone, removed } = create();
    made(5n, 1n, `/kubepods/pod${uidA}`);
    gone(5n);
    gone(5n);
    expect(removed).toEqual([5n]);
    for (let id = 10n; id < 1_100n; id++) {
      made(id, 1n, `/kubepods/pod${uidA}`);
      gone(id);
    }
    expect(cgroups.size()).toBe(1024);
  });

  it("forgets a minute later", () => {
    let nowMs = 5_000;
    const { cgroups, made, gone, of } = create({ now: () => nowMs });
    const end = (id: bigint) => {
      made(id, 1n, `/kubepods/pod${uidA}`);
      gone(id);
    };
    end(5n);
    nowMs += 59_999;
    end(6n);
    made(7n, 1n, `/kubepods/pod${uidB}`);
    cgroups.collect();
    expect([cgroups.size(), of(5n).pod?.uid]).toEqual([3, uidA]);
    nowMs += 1;
    cgroups.collect();
    expect([cgroups.size(), of(5n), of(6n).pod?.uid]).toEqual([2, noWorkload, uidA]);
    nowMs += 1_000_000;
    cgroups.collect();
    expect([cgroups.size(), of(7n).pod?.uid]).toEqual([1, uidB]);
  });

  it("forgets what it knows of a container when it forgets its cgroup", () => {
    let lookups = 0;
    const { made, gone, of } = create({
      bundles: (id) => {
        if (id !== webId) return undefined;
        lookups++;
        return web;
      },
    });
    const container = `/kubepods/pod${uidA}/${webId}`;
    made(5n, 1n, `/kubepods/pod${uidA}`);
    made(6n, 5n, container);
    const before = of(6n);
    const end = (id: bigint) => {
      made(id, 5n, container);
      gone(id);
    };
    gone(6n);
    for (let id = 10n; id < 1_033n; id++) end(id);
    expect([lookups, of(6n) === before, of(1_032n) === before]).toEqual([1, true, true]);
    for (let id = 1_033n; id < 1_036n; id++) end(id);
    expect(lookups).toBeGreaterThan(1);
  });

  it("keeps no more than it may", () => {
    const { cgroups, made } = create({ maxCgroups: 2 });
    for (let id = 5n; id < 9n; id++) made(id, 1n, `/kubepods/pod${uidA}`);
    expect(cgroups.size()).toBe(2);
  });
});
