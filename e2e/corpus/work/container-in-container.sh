#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container runtime in a privileged pod, as jobs that build images have it: the same as containerd.sh.
# image: debian
set -euo pipefail

mkdir -p /volume/root
mount --bind / /volume/root
mount -t cgroup2 cgroup2 /sys/fs/cgroup
POD_CGROUP=$(dirname "$(sed 's/^0:://' /proc/self/cgroup)") CONTAINER_ROOT=/volume/root TMPDIR=/volume exec bash "${0%/*}/containerd.sh"
