# SPDX-License-Identifier: Apache-2.0
# The guest's userland: the packages in guest-packages, of the release this machine runs (so
# that what is compiled here runs there), unpacked without their install scripts. Needs no root.
# scripts/setup.d/50-guest downloads them.

# build_userland ROOT: unpacks the packages and writes the few files their scripts would have made.
build_userland() {
  local root=$1 deb directory
  # All Debian and Ubuntu releases in question have /usr merged.
  for directory in bin sbin lib lib64; do
    mkdir -p "$root/usr/$directory"
    ln -s "usr/$directory" "$root/$directory"
  done
  for deb in "$GANDER_CACHE"/vm/debs/*.deb; do
    [[ -e $deb ]] || { echo "The guest's packages are not in $GANDER_CACHE/vm/debs: run make setup"; return 1; }
    dpkg-deb --fsys-tarfile "$deb" | tar -xp --keep-directory-symlink --no-same-owner -C "$root" \
      --exclude './usr/share/doc/*' --exclude './usr/share/man/*' --exclude './usr/share/locale/*' || return 1
  done
  # Alternatives are links made at installation.
  [[ -e $root/usr/bin/awk ]] || ln -s gawk "$root/usr/bin/awk"
  [[ -e $root/usr/bin/nc ]] || ln -s nc.openbsd "$root/usr/bin/nc"
  [[ -e $root/usr/bin/sh ]] || ln -s bash "$root/usr/bin/sh"
  [[ -e $root/usr/sbin/iptables ]] || ln -s iptables-nft "$root/usr/sbin/iptables"
  mkdir -p "$root"/{dev,proc,sys,run,tmp,root,home/user,var/tmp,var/lib,var/log,gander,share,out}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  write_accounts "$root"
  install -D "$(readlink -f "$GANDER_CACHE/bin/node")" "$root/usr/local/bin/node"
  # shellcheck disable=SC2016 # expanded in the guest
  printf '#!/bin/sh\nexec /usr/local/bin/node --disable-sigusr1 /gander/build/guest/gander.mjs "$@"\n' > "$root/usr/local/bin/gander"
  chmod 755 "$root/usr/local/bin/gander"
}

write_accounts() {
  local etc=$1/etc
  mkdir -p "$etc"
  printf '%s\n' root:x:0:0:root:/root:/bin/bash daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin \
    user:x:1000:1000::/home/user:/bin/bash nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin > "$etc/passwd"
  printf '%s\n' root:x:0: daemon:x:1: tty:x:5: user:x:1000: nogroup:x:65534: > "$etc/group"
  printf '%s\n' 'root:*:19000:0:99999:7:::' 'user:*:19000:0:99999:7:::' > "$etc/shadow"
  chmod 640 "$etc/shadow"
  # su and runuser, without the files that Debian's installation puts together.
  local service
  mkdir -p "$etc/pam.d"
  for service in auth account session session-noninteractive password; do
    echo "${service%%-*} required pam_permit.so" > "$etc/pam.d/common-$service"
  done
  echo gander-vm > "$etc/hostname"
  printf '%s\n' '127.0.0.1 localhost gander-vm' '::1 localhost ip6-localhost' > "$etc/hosts"
  printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files' > "$etc/nsswitch.conf"
}
