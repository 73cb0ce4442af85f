#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A job builds programs that are named like those of nodes, in its volume and in its container.
set -euo pipefail

mkdir -p /volume/src/cmd/kubelet /volume/bin /volume/release
echo 'package main' > /volume/src/cmd/kubelet/kubelet.go
for program in kubelet containerd runc; do
  cp /usr/bin/true "/volume/bin/$program"
  # once more: it exists
  cp /usr/bin/true "/volume/bin/$program"
  cp /usr/bin/true "/volume/bin/$program.new"
  mv "/volume/bin/$program.new" "/volume/bin/$program"
  install "/volume/bin/$program" /usr/local/bin
  "$program"
done
tar -C /volume -czf /volume/release.tar.gz bin
tar -C /volume/release -xzf /volume/release.tar.gz
ls /volume/release/bin
