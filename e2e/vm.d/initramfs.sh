# SPDX-License-Identifier: Apache-2.0
# The initramfs: busybox, the modules needed to reach the disks, and the job of this run.

# Modules to find the disks, ports and the network with; those built into a kernel are skipped.
readonly BOOT_MODULES=(virtio_pci virtio_blk virtio_console virtio_net)

# boot_initramfs KERNEL_DIRECTORY: the part that is the same in all runs. Prints its path.
boot_initramfs() {
  local stamp
  stamp=$(stamp_of "$GANDER_ROOT"/e2e/vm.d/{initramfs.sh,guest-boot,guest-init} "$1/vmlinuz")
  build_once "$1/initramfs-$stamp" build_boot_initramfs
}

build_boot_initramfs() {
  local root
  root=$(mktemp -d "$GANDER_CACHE/vm/initramfs.XXXXXX")
  mkdir -p "$root"/{bin,dev,proc,sys,root,job,modules}
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  install -m 755 "$GANDER_ROOT/e2e/vm.d/guest-boot" "$root/init"
  install -m 755 "$GANDER_ROOT/e2e/vm.d/guest-init" "$root/guest-init"
  copy_boot_modules "${1%/*}" "$root/modules"
  pack "$root" > "$1.tmp"
  mv "$1.tmp" "$1"
  rm -rf "$root"
}

# copy_boot_modules KERNEL_DIRECTORY TARGET: uncompressed, numbered in the order to load them in.
copy_boot_modules() {
  local kernel=$1 target=$2 module path number=10
  for module in "${BOOT_MODULES[@]}"; do
    while read -r path; do
      [[ -e $target/.$(basename "$path") ]] && continue
      : > "$target/.$(basename "$path")"
      case $path in
        *.xz) xz -dc "$path" ;;
        *.zst) zstd -dqc "$path" ;;
        *) cat "$path" ;;
      esac > "$target/$number-$module.ko"
      number=$((number + 1))
    done < <(module_with_dependencies "$kernel/modules" "$module")
  done
}

# module_with_dependencies DIRECTORY NAME: paths, dependencies first; nothing for a built-in one.
module_with_dependencies() {
  local directory=$1 name=$2 line dependencies
  line=$(grep -E "(^|/)${name//_/[-_]}\.ko[.a-z]*:" "$directory/modules.dep") || return 0
  # modules.dep lists dependencies so that each one comes before what it needs itself.
  read -ra dependencies <<< "${line#*:}"
  local index
  for ((index = ${#dependencies[@]} - 1; index >= 0; index--)); do echo "$directory/${dependencies[index]}"; done
  echo "$directory/${line%%:*}"
}

pack() { (cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --null --quiet -o -H newc -R 0:0); }
