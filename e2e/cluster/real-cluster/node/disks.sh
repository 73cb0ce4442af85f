# SPDX-License-Identifier: Apache-2.0
# What a node boots from. Functions print the path of what they have built or found in cluster/ of the cache.
# Uses build_once, make_ext4, stamp_of, build_userland, copy_boot_modules, pack of e2e/vm.d.

readonly NODE=$GANDER_ROOT/e2e/cluster/real-cluster/node
readonly CLUSTER=$GANDER_CACHE/cluster

# root_disk: the userland of e2e/vm with the kernels' modules, containerd, runc, kubelet, kube-proxy, CNI plugins.
root_disk() {
  local stamp
  stamp=$(stamp_of "$GANDER_CACHE"/kernels/[0-9]*/vmlinuz "$GANDER_CACHE/vm/debs" "$CLUSTER/debs" \
    "$CLUSTER"/bin/{containerd,containerd-shim-runc-v2,kubernetes} "$NODE/disks.sh" "$GANDER_ROOT"/e2e/vm.d/{image.sh,userland.sh,guest-packages})
  build_once "$CLUSTER/root-$stamp" build_root_disk
}

build_root_disk() {
  local root
  root=$(mktemp -d "$CLUSTER/node.XXXXXX")
  fill_root "$root" && make_ext4 "$1" "$root" $((2 * 1024 * 1024)) || { rm -rf "$root"; return 1; }
  rm -rf "$root"
}

fill_root() {
  local root=$1 kernel deb link
  build_userland "$root" || return 1
  rm "$root"/usr/local/bin/{node,gander}
  mkdir -p "$root"/usr/lib/modules "$root"/etc/{cni/net.d,kubernetes} "$root"/var/lib/{containerd,kubelet}
  for kernel in "$GANDER_CACHE"/kernels/[0-9]*/; do
    cp -al "$kernel/modules" "$root/usr/lib/modules/$(< "$kernel/release")" || return 1
  done
  for deb in "$CLUSTER"/debs/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -xp --keep-directory-symlink --no-same-owner -C "$root" \
      --exclude './usr/share/doc/*' --exclude './usr/share/man/*' --exclude './usr/share/locale/*' || return 1
  done
  # Alternatives are links made at installation; kube-proxy calls these.
  for link in iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$root/usr/sbin/$link"
  done
  install -m 755 "$CLUSTER"/bin/{containerd,containerd-shim-runc-v2,kubernetes} "$root/usr/local/bin/"
  ln -s kubernetes "$root/usr/local/bin/kubelet"
  ln -s kubernetes "$root/usr/local/bin/kube-proxy"
}

# images_disk ARCHIVE…: containerd's directory with these OCI archives unpacked, as if it had pulled them.
images_disk() {
  archives=("$@")
  build_once "$CLUSTER/images-$({ cat "$NODE/disks.sh"; sha256sum -- "$@" | cut -d' ' -f1; } | sha256sum | cut -c1-16)" build_images_disk
}

build_images_disk() {
  local work
  work=$(mktemp -d "$CLUSTER/containerd.XXXXXX")
  # In a mount namespace of its own: what is mounted while a layer is unpacked ends with it.
  unshare --mount bash -euo pipefail -c "$(declare -f import_images); import_images \"\$@\"" - "$work" "$CLUSTER/bin" "${archives[@]}" &&
    make_ext4 "$1" "$work/root" $((2 * 1024 * 1024)) || { rm -rf "$work"; return 1; }
  rm -rf "$work"
}

# import_images WORK PROGRAMS ARCHIVE…: by a containerd of this machine that runs no container.
import_images() {
  local work=$1 programs=$2 archive name
  local -a ctr=("$programs/ctr" --address "$work/socket" --namespace k8s.io)
  shift 2
  mkdir "$work/root"
  printf '%s\n' 'version = 3' "root = '$work/root'" "state = '$work/state'" "grpc.address = '$work/socket'" "ttrpc.address = '$work/socket.ttrpc'" \
    'disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"]' > "$work/config.toml"
  setpriv --pdeathsig KILL "$programs/containerd" --config "$work/config.toml" > "$work/log" 2>&1 &
  # Not local: the trap runs when the function has returned.
  pid=$!
  trap 'kill $pid; wait $pid || true' EXIT
  until [[ -S $work/socket ]]; do
    kill -0 "$pid" || { cat "$work/log"; return 1; }
    sleep 0.1
  done
  for archive in "$@"; do "${ctr[@]}" images import --local --snapshotter overlayfs "$archive"; done
  # The kubelet is told only of images with this label.
  for name in $("${ctr[@]}" images ls --quiet); do "${ctr[@]}" images label "$name" io.cri-containerd.image=managed; done
}

# node_initramfs KERNEL_DIRECTORY: the part that all nodes with this kernel have in common, with what a change
# here is likely to be about: the disks take minutes to build.
node_initramfs() {
  local stamp
  stamp=$(stamp_of "$NODE"/* "$GANDER_ROOT/e2e/vm.d/initramfs.sh" "$1/vmlinuz")
  kernel_of_initramfs=$1
  build_once "$CLUSTER/initramfs-${1##*/}-$stamp" build_node_initramfs
}

build_node_initramfs() {
  local root
  root=$(mktemp -d "$CLUSTER/initramfs.XXXXXX")
  mkdir -p "$root"/{bin,dev,proc,sys,root,node,modules}
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  install -m 755 "$NODE/node-boot" "$root/init"
  install -m 755 "$NODE/node-init" "$root/node/"
  install -m 644 "$NODE"/{containerd.toml,kubelet.yaml,cni.conflist} "$root/node/"
  copy_boot_modules "$kernel_of_initramfs" "$root/modules"
  pack "$root" > "$1.tmp"
  mv "$1.tmp" "$1"
  rm -rf "$root"
}
