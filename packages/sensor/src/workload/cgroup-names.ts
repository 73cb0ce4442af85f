// SPDX-License-Identifier: Apache-2.0

/**
 * The pod UID in the name of its cgroup, which the kubelet chooses: `kubepods-burstable-podUID.slice` with
 * `_` for `-` (systemd; kind and others add a prefix), or `podUID` (cgroupfs). Pods from files have 32 hex
 * digits instead of a UUID. A runtime that has no systemd where the kubelet has one names a container's cgroup
 * `kubepods-burstable-podUID.slice:cri-containerd:ID`. Empty if there is none.
 */
export function podUidOf(name: string): string {
  const [, uid = ""] =
    /(?:^|kubepods-(?:[a-z]+-)?)pod([0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})(?:\.slice(?::[\w-]+:[\w-]+)?)?$/.exec(
      name,
    ) ?? [];
  return uid.replaceAll("_", "-");
}

/** Whether the kubelet creates the cgroups of pods in this one: `kubepods`, `kubelet-kubepods.slice`. */
export function isPodsRoot(name: string): boolean {
  return /^(?:[\w-]+-)?kubepods(?:\.slice)?$/.test(name);
}
