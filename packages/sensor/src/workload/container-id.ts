// SPDX-License-Identifier: Apache-2.0

/**
 * The id of the container in the name of a cgroup, as the runtimes' cgroup drivers write it:
 * `cri-containerd-ID.scope`, `docker-ID.scope`, `crio-ID.scope`, `libpod-ID.scope` (systemd) or `ID` alone
 * (cgroupfs). Empty if there is none.
 */
export function containerIdOf(name: string): string {
  // CRI-O's and podman's monitor of the container, a process of the host beside it.
  if (/^(?:crio|libpod)-conmon-/.test(name)) return "";
  const match = /(?:^|[-:])([0-9a-f]{64})(?:\.scope)?$/.exec(name);
  return match?.[1] ?? "";
}
