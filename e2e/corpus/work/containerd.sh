#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The node's container runtime: starts a container of the pod, runs commands in it, stops it.
# image: debian
# runs: on the node
set -euo pipefail

# The programs of the image run on the node, whose release is the same.
export PATH=$PATH:$CONTAINER_ROOT/usr/bin:$CONTAINER_ROOT/usr/sbin
cp -n "$CONTAINER_ROOT"/usr/lib/x86_64-linux-gnu/libseccomp.so.* /usr/lib/x86_64-linux-gnu
work=$(mktemp -d "${TMPDIR:-/var/tmp}/containerd.XXXXXX")
address=$work/socket
trap 'kill $daemon; wait $daemon 2> /dev/null || true; rm -rf "$work"' EXIT
printf 'version = 2\nroot = "%s/root"\nstate = "%s/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n' \
  "$work" "$work" "$address" > "$work/config.toml"
containerd --config "$work/config.toml" > "$work/log" 2>&1 &
daemon=$!
client() { ctr --address "$address" "$@"; }
for i in $(seq 300); do ! client version > /dev/null 2>&1 || break; sleep 0.2; done
id=$(printf ordinary | sha256sum | cut -d' ' -f1)
client run --detach --cgroup "$POD_CGROUP/cri-containerd-$id.scope" --rootfs "$CONTAINER_ROOT" "$id" \
  /bin/sh -c 'trap "exit 0" TERM; echo started > /tmp/started; while :; do sleep 1; done'
for i in $(seq 100); do [ ! -e "$CONTAINER_ROOT/tmp/started" ] || break; sleep 0.2; done
cat "$CONTAINER_ROOT/tmp/started"
# kubectl exec, without a terminal and with one
client task exec --exec-id one "$id" /bin/sh -c 'echo exec; ps | wc -l > /dev/null; hostname > /dev/null; cat /proc/1/comm'
echo through a pipe | client task exec --exec-id two "$id" cat
script -q -e -c "ctr --address $address task exec -t --exec-id three $id /bin/bash -lc 'test -t 0 && echo a terminal; ls / | wc -l > /dev/null'" /dev/null < /dev/null | tr -d '\r'
client task pause "$id"
client task resume "$id"
client task kill --signal TERM "$id"
for i in $(seq 100); do client task ls | grep -q RUNNING || break; sleep 0.2; done
client task delete "$id" > /dev/null 2>&1 || true
client container delete "$id"
echo stopped
