# SPDX-License-Identifier: Apache-2.0
# Packages of this machine's own release, and files from other Debian releases through an apt
# configuration of our own. No mirror is named here: they are those this machine uses.

# need_root: asks for the password now, rather than behind a progress line.
need_root() {
  [[ $(id -u) != 0 ]] || return 0
  command -v sudo > /dev/null || fail "Cannot install packages: this is not root and there is no sudo." \
    "Run make setup once as root with GANDER_CACHE=$GANDER_CACHE, or install sudo."
  sudo -n true 2> /dev/null || say "  Installing packages needs root; sudo may ask for your password."
  sudo -v || fail "Cannot install packages without root." "Run make setup again and give sudo your password."
}

# as_root COMMAND…
as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo --preserve-env=DEBIAN_FRONTEND,http_proxy,https_proxy "$@"; fi
}

system_update() { as_root apt-get -q update -o DPkg::Lock::Timeout=300; }
system_install() {
  as_root apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
    -o Dpkg::Options::=--force-confold install "$@"
}

# resolve_list FILE: the packages of a list. A line's alternatives are parted by "|", the first one
# available is taken; a line that ends in "?" may be unavailable. Prints names, or fails naming the line.
resolve_list() {
  local line alternative found available
  local -a lines
  mapfile -t lines < <(sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$1")
  # One question about all of them: apt-cache takes a second to start where its cache is disabled.
  # shellcheck disable=SC2046 # words are wanted
  available=" $(apt-cache policy $(tr '|?' '  ' <<< "${lines[*]}") |
    awk '/^[^ ]/ { name = $1 } /^  Candidate: [0-9]/ { sub(":$", "", name); print name }' | tr '\n' ' ') "
  for line in "${lines[@]}"; do
    found=
    for alternative in ${line//[|?]/ }; do
      if [[ $available == *" $alternative "* ]]; then found=$alternative; break; fi
    done
    if [[ -n $found ]]; then echo "$found"
    elif [[ $line != *\? ]]; then
      echo "No package $line in the apt sources of this machine" >&2
      return 1
    fi
  done
}

# fetch_debs LIST DIRECTORY: the packages of LIST and all they depend on, as if nothing were installed. The
# lists of packages may be older than the archive: they are read again before giving up.
fetch_debs() { download_debs "$@" || { system_update && download_debs "$@"; }; }

download_debs() {
  local list=$1 debs=$2 names
  local -a packages
  names=$(resolve_list "$list") || return 1
  mapfile -t packages <<< "$names"
  rm -rf "$debs.new"
  mkdir -p "$debs.new/partial"
  : > "$debs.new/status"
  apt-get -q -y --no-install-recommends --download-only \
    -o Dir::State::status="$debs.new/status" -o Dir::Cache::archives="$debs.new" -o Debug::NoLocking=1 \
    -o APT::Sandbox::User=root -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    install "${packages[@]}" || return 1
  rm -rf "$debs"
  mv "$debs.new" "$debs"
}

# debian_sites: lines "URI LABEL" of this machine's Debian archives; LABEL is Debian or Debian-Security.
debian_sites() {
  if [[ -n ${GANDER_DEBIAN_MIRROR:-} ]]; then echo "$GANDER_DEBIAN_MIRROR Debian"; fi
  apt-get indextargets --format '$(REPO_URI) $(LABEL) $(ORIGIN)' 'Created-By: Packages' |
    awk '$3 == "Debian" && ($2 == "Debian" || $2 == "Debian-Security") { print $1, $2 }' | sort -u
}

# need_debian_sites: a machine whose package lists were removed (a container) knows no archives.
need_debian_sites() {
  [[ -z $(debian_sites) ]] || return 0
  need_root
  attempt "read this machine's package lists" system_update || true
}

# debian_release RELEASE TYPE [without-security]: prepares apt for that release (TYPE deb or
# deb-src); debian_apt then uses it.
debian_release() {
  local directory=$GANDER_CACHE/apt/$1 keyring='' uri label candidate
  mkdir -p "$directory"/{sources,lists/partial,cache/archives/partial}
  : > "$directory/status"
  for candidate in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
    [[ ! -e $candidate ]] || keyring=$candidate
  done
  [[ -n $keyring ]] || { echo "There is no Debian keyring: install debian-archive-keyring"; return 1; }
  rm -f "$directory"/sources/*
  while read -r uri label; do
    [[ $label == Debian || ${3:-} != without-security ]] || continue
    printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$2" "$uri" \
      "$([[ $label == Debian ]] && echo "$1" || echo "$1-security")" "$keyring"
  done < <(debian_sites) > "$directory/sources/debian.sources"
  [[ -s $directory/sources/debian.sources ]] || {
    echo "This machine's apt knows no Debian mirror. Set GANDER_DEBIAN_MIRROR to the address of one and run make setup again."
    return 1
  }
  debian_apt "$1" get -q update -o Acquire::Languages=none
}

# debian_apt RELEASE get|cache ARGUMENT…: apt as if on a machine of that release with nothing installed.
debian_apt() {
  local directory=$GANDER_CACHE/apt/$1 tool=$2
  shift 2
  "apt-$tool" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$directory/sources" \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State="$directory" -o Dir::State::lists="$directory/lists" -o Dir::State::status="$directory/status" \
    -o Dir::Cache="$directory/cache" -o APT::Sandbox::User=root -o Debug::NoLocking=1 \
    -o APT::Update::Post-Invoke-Success::=true "$@"
}
