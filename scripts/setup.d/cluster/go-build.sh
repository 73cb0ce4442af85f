# SPDX-License-Identifier: Apache-2.0
# Programs of the cluster, built from the modules in e2e/tools into cluster/bin.

# go_module MODULE ARGUMENT…: go in e2e/tools/MODULE. Whatever this machine's Go is set to, this is
# the same everywhere, and the modules share one build cache with the control plane (e2e/80-control-plane).
go_module() {
  local module=$1
  shift
  env GOTOOLCHAIN=local GOWORK=off GOFLAGS=-modcacherw CGO_ENABLED=0 \
    GOPATH="$GANDER_CACHE/go" GOMODCACHE="$GANDER_CACHE/go/mod" GOCACHE="$GANDER_CACHE/go/build" \
    nice -n 10 "$GANDER_CACHE/bin/go" -C "$GANDER_ROOT/e2e/tools/$module" "$@"
}

# go_programs MODULE PACKAGES LINKER_FLAGS [ARGUMENT…]: builds PACKAGES (of one word) into cluster/bin.
go_programs() {
  local module=$1 packages=$2 flags=$3
  shift 3
  mkdir -p "$GANDER_CACHE/cluster/bin"
  attempt "fetch the sources" go_module "$module" list -deps "$packages" ||
    attempt "fetch what is left of them" go_module "$module" list -deps "$packages" ||
    fail "Cannot fetch the sources of $module from the Go proxy." "Check that ${GOPROXY:-https://proxy.golang.org} can be reached, then run scripts/setup cluster again."
  # Without debugging information it takes a tenth less time.
  attempt "build $module" go_module "$module" build -trimpath -buildvcs=false -gcflags=all=-dwarf=false \
    -ldflags="-s -w$flags" "$@" -o "$GANDER_CACHE/cluster/bin/" "$packages" ||
    fail "Cannot build $module (see above)." "Check the disk's space in $GANDER_CACHE (6 GB), then run scripts/setup cluster again."
}

# module_files MODULE: what a step that builds it depends on.
module_files() { printf '%s\n' "$GANDER_ROOT/e2e/tools/$1"/{*.go,go.mod,go.sum} "$GANDER_ROOT/scripts/setup.d/cluster/go-build.sh" | grep -v '\*'; }
