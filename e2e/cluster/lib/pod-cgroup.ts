// SPDX-License-Identifier: Apache-2.0
import type { Guest, GuestOutput } from "./guest.ts";

export type PodCgroup = {
  /** Runs a script for bash as a process of the pod's container. */
  run(script: string): Promise<GuestOutput>;
};

/** Creates the cgroups of a kubelet and containerd for a pod with one container, with systemd's names. */
export async function makePodCgroup(guest: Guest, uid: string): Promise<PodCgroup> {
  const slice = `kubepods-burstable-pod${uid.replaceAll("-", "_")}.slice`;
  const container = uid.replaceAll("-", "").repeat(2);
  const path = `/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${container}.scope`;
  await guest.bash(`mkdir -p ${path}`);
  return {
    run: (script) =>
      guest.run([
        "bash",
        "-c",
        `echo $$ > ${path}/cgroup.procs; exec bash -c "$1"`,
        "bash",
        script,
      ]),
  };
}
