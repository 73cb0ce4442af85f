# SPDX-License-Identifier: Apache-2.0
# Stock Debian kernels for the virtual machines: kernels/NAME/{vmlinuz,modules,release}. Their packages are named by
# what Debian's meta packages depend on: its archives keep no version for long.

has_kernel() { [[ -s $GANDER_CACHE/kernels/$1/vmlinuz ]]; }

kernel_failed() { fail "Cannot fetch kernel $1." "Check the network and the disk's space in $GANDER_CACHE, then run make setup again."; }

# fetch_kernel NAME RELEASE META_PACKAGE: what the meta package depends on, unpacked.
fetch_kernel() {
  local image directory=$GANDER_CACHE/kernels/$1 work=$GANDER_CACHE/kernels/$1.new name
  local -a parts
  image=$(dependencies_of "$2" "$3" 'linux-image-.*' | head -n 1)
  [[ -n $image ]] || return 1
  name=${image#linux-image-}
  # From Linux 7.0 on the image and the modules are packages of their own.
  mapfile -t parts < <(dependencies_of "$2" "$image" "linux-(binary|modules)-${name//[.+]/.}")
  rm -rf "$work"
  mkdir -p "$work"
  (cd "$work" && debian_apt "$2" get -q download "$image" "${parts[@]}") || return 1
  for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/unpacked" || return 1; done
  # /lib before, /usr/lib after the merge; depmod wants the first.
  mkdir -p "$work/unpacked/lib"
  [[ -d $work/unpacked/lib/modules ]] || mv "$work/unpacked/usr/lib/modules" "$work/unpacked/lib/modules"
  depmod -b "$work/unpacked" "$name" || return 1
  rm -rf "$directory"
  mkdir -p "$directory"
  mv "$work/unpacked/lib/modules/$name" "$directory/modules"
  cp "$work/unpacked/boot/vmlinuz-$name" "$directory/vmlinuz" || mv "$directory/modules/vmlinuz" "$directory/vmlinuz" || return 1
  echo "$name" > "$directory/release"
  rm -rf "$work"
}

# dependencies_of RELEASE PACKAGE REGEX: names.
dependencies_of() { debian_apt "$1" cache depends "$2" | sed -nE "s/^ *Depends: ($3)\$/\\1/p"; }
