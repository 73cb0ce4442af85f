# SPDX-License-Identifier: Apache-2.0
# Disk images of the guest, made without root and without mounting anything.

# make_ext4 IMAGE DIRECTORY [EXTRA_KB]: an ext4 image of DIRECTORY, owned by root in the guest.
make_ext4() {
  local image=$1 directory=$2 extra_kb=${3:-4096} used_kb files
  used_kb=$(du -skx --apparent-size -- "$directory" | cut -f1)
  files=$(find "$directory" -xdev | wc -l)
  rm -f "$image.tmp"
  # Every file wastes half a block on average and takes an inode of 256 bytes. The file is sparse.
  as_owner_root mke2fs -q -t ext4 -O ^has_journal -m 0 -b 4096 -N $((files + 65536)) \
    -E root_owner=0:0,lazy_itable_init=1 -d "$directory" "$image.tmp" \
    $((used_kb + used_kb / 8 + files * 5 + extra_kb + 32768))k > "$image.log" 2>&1 || {
    cat "$image.log" >&2
    return 1
  }
  rm -f "$image.log"
  mv "$image.tmp" "$image"
}

# Files belong to whoever built them; to the guest they shall belong to root.
as_owner_root() {
  if [[ $(id -u) == 0 ]]; then "$@"
  elif command -v fakeroot > /dev/null; then fakeroot -- "$@"
  else unshare -r "$@"; fi
}

# stamp_of FILE…: one word that changes when a file's name, size or modification time does. A file
# may be missing.
stamp_of() { { stat -L -c '%n %s %Y' -- "$@" 2> /dev/null || true; } | sha256sum | cut -c1-16; }

# build_once FILE FUNCTION: makes FILE by calling FUNCTION with its name, unless it is there; only
# one of several runs does it. Files of the same kind (up to the last "-") that nobody used for an
# hour are removed. Prints the name.
build_once() {
  local file=$1
  if [[ ! -e $file ]]; then
    (
      exec 9> "${file%-*}.lock"
      flock 9
      [[ -e $file ]] || "$2" "$file"
    ) >&2 || return 1
    find "${file%/*}" -maxdepth 1 -name "$(basename "${file%-*}")-*" ! -path "$file" -mmin +60 -delete
  fi
  touch "$file"
  echo "$file"
}

# base_image: the guest's root file system with all kernels' modules. Prints its path.
base_image() {
  local stamp
  stamp=$(stamp_of "$GANDER_CACHE"/kernels/*/vmlinuz "$GANDER_CACHE/vm/debs" "$GANDER_CACHE/bin/node" \
    "$GANDER_ROOT"/e2e/vm.d/{image.sh,userland.sh,guest-packages})
  build_once "$GANDER_CACHE/vm/base-$stamp" build_base_image
}

build_base_image() {
  local root kernel
  root=$(mktemp -d "$GANDER_CACHE/vm/root.XXXXXX")
  build_userland "$root" || { rm -rf "$root"; return 1; }
  mkdir -p "$root/usr/lib/modules"
  for kernel in "$GANDER_CACHE"/kernels/*/vmlinuz; do
    cp -al "${kernel%/*}/modules" "$root/usr/lib/modules/$(< "${kernel%/*}/release")"
  done
  # Room for what a run writes; the image is sparse and a run's writes are thrown away.
  make_ext4 "$1" "$root" $((4 * 1024 * 1024)) || { rm -rf "$root"; return 1; }
  rm -rf "$root"
}

# dependencies_image: the workspace's node_modules. Prints its path.
dependencies_image() {
  local modules=$GANDER_ROOT/node_modules stamp
  mkdir -p "$modules"
  stamp=$(stamp_of "$modules" "$modules/.modules.yaml" "$modules/.pnpm/lock.yaml" "$GANDER_ROOT/e2e/vm.d/image.sh")
  build_once "$GANDER_CACHE/vm/node_modules-$stamp" build_dependencies_image
}

build_dependencies_image() {
  local staging
  staging=$(mktemp -d "$GANDER_CACHE/vm/modules.XXXXXX")
  # Compilers, linters and test runners of the host are large and never run in the guest.
  tar -C "$GANDER_ROOT/node_modules" -cf - --exclude './.pnpm/@biomejs*' --exclude './.pnpm/typescript@*' --exclude './.pnpm/@typescript*' \
    --exclude './.pnpm/@rolldown*' --exclude './.pnpm/rolldown*' --exclude './.pnpm/lightningcss*' \
    --exclude './.pnpm/@esbuild*' --exclude './.pnpm/vite@*' . | tar -C "$staging" -xf -
  make_ext4 "$1" "$staging" || { rm -rf "$staging"; return 1; }
  rm -rf "$staging"
}

# prepare_code: brings build/guest up to date, with which programs start quickly in the guest. One run does
# it for all that follow on the same sources.
prepare_code() {
  local directory=$GANDER_ROOT/build/guest stamp
  mkdir -p "$directory"
  (
    exec 9> "$directory/lock"
    flock 9
    stamp=$(sources_stamp)
    [[ -e $directory/stamp && $(< "$directory/stamp") == "$stamp" ]] && return
    node "$GANDER_ROOT/packages/cli/scripts/prepare-guest.ts" >&2 && echo "$stamp" > "$directory/stamp"
  )
}

# sources_stamp: one word that changes when TypeScript below the repository or a dependency does.
sources_stamp() {
  {
    find "$GANDER_ROOT"/{packages,e2e,bpf,bench} -name node_modules -prune -o -name '*.ts' -printf '%p %s %T@\n' | LC_ALL=C sort
    stat -c '%Y' "$GANDER_ROOT/node_modules/.modules.yaml"
    node --version
  } | sha256sum | cut -c1-16
}

# repository_image: the working tree as it is now, without node_modules at its root and .git; made once for all runs
# on the same files. Prints its path.
repository_image() {
  build_once "$GANDER_CACHE/vm/repository-$(tree_stamp)" build_repository_image
}

build_repository_image() {
  local staging
  staging=$(mktemp -d "$GANDER_CACHE/vm/tree.XXXXXX")
  # 1: a file changed meanwhile, which makes the stamp another one next time.
  { tar -C "$GANDER_ROOT" -cf - --exclude ./.git --exclude './node_modules/*' --warning=no-file-changed --warning=no-file-removed . || (($? == 1)); } |
    tar -C "$staging" -xf - && make_ext4 "$1" "$staging" || { rm -rf "$staging"; return 1; }
  rm -rf "$staging"
}

# tree_stamp: one word that changes when any of these files does.
tree_stamp() {
  {
    echo "$GANDER_ROOT"
    find "$GANDER_ROOT" \( -path "$GANDER_ROOT/.git" -o -path "$GANDER_ROOT/node_modules" -o -path "$GANDER_ROOT/build/guest/lock" \) -prune -o -printf '%P %y %m %s %T@ %l\n' | LC_ALL=C sort
  } | sha256sum | cut -c1-16
}
