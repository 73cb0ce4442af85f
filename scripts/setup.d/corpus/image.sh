# SPDX-License-Identifier: Apache-2.0
# The disk image of e2e/corpus. Its packages are unpacked and not yet configured: that is done by a piece of
# ordinary work in the virtual machine, as when a container image is built. Needs no root.

# unpack_packages DEBS ROOT: the files of all packages, and dpkg's records of them.
unpack_packages() {
  local debs=$1 root=$2 info=$2/var/lib/dpkg/info deb directory
  for directory in bin sbin lib lib64; do
    mkdir -p "$root/usr/$directory"
    ln -s "usr/$directory" "$root/$directory"
  done
  mkdir -p "$info" "$root"/var/lib/dpkg/{updates,parts} "$root"/{dev,proc,sys,run,tmp,root,home}
  mkdir -p "$root/run/lock"
  ln -s /run "$root/var/run"
  ln -s /run/lock "$root/var/lock"
  chmod 1777 "$root/tmp"
  touch "$root/var/lib/dpkg/available"
  for deb in "$debs"/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -xp --keep-directory-symlink --no-same-owner -C "$root" \
      --exclude './usr/share/doc/*' --exclude './usr/share/locale/*' || return 1
    record_package "$deb" "$root/var/lib/dpkg" || return 1
  done
}

# record_package DEB ADMINDIR: as `dpkg --unpack` would.
record_package() {
  local deb=$1 admin=$2 control name file
  control=$(mktemp -d "$admin/control.XXXXXX")
  dpkg-deb -e "$deb" "$control" || return 1
  name=$(sed -n 's/^Package: //p' "$control/control")
  if grep -q '^Multi-Arch: same' "$control/control"; then
    name+=:$(sed -n 's/^Architecture: //p' "$control/control")
  fi
  { sed '/^Package: /a Status: install ok unpacked' "$control/control"; echo; } >> "$admin/status"
  dpkg-deb --fsys-tarfile "$deb" | tar -t | sed 's,^\.,,; s,/$,,; s,^$,/.,' > "$admin/info/$name.list"
  for file in "$control"/*; do
    [[ ${file##*/} == control ]] || mv "$file" "$admin/info/$name.${file##*/}"
  done
  rm -r "$control"
}

# add_node ROOT: Node, and npm as it comes with Node's releases. Debian's npm would be several hundred packages.
add_node() {
  install -D "$(readlink -f "$GANDER_CACHE/bin/node")" "$1/usr/local/bin/node" &&
    mkdir -p "$1/usr/local/lib/node_modules" &&
    cp -r "$GANDER_CACHE/corpus/npm/node_modules/npm-program" "$1/usr/local/lib/node_modules/npm" &&
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
}

# fetch_npm: under another name, because pnpm takes "npm" for a choice of package manager.
fetch_npm() {
  mkdir -p "$GANDER_CACHE/corpus/npm"
  pnpm add --dir "$GANDER_CACHE/corpus/npm" --ignore-scripts --config.node-linker=hoisted npm-program@npm:npm@11.6.2
}

build_corpus_image() {
  local root
  rm -rf "$GANDER_CACHE"/corpus/root.*
  root=$(mktemp -d "$GANDER_CACHE/corpus/root.XXXXXX")
  chmod 755 "$root"
  unpack_packages "$GANDER_CACHE/corpus/debs" "$root" && add_node "$root" && make_ext4 "$GANDER_CACHE/corpus/image" "$root" || {
    rm -rf "$root"
    return 1
  }
  rm -rf "$root"
}
