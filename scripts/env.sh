# SPDX-License-Identifier: Apache-2.0
# The environment every recipe, set-up step and test runner works in; source it from bash.
# Everything that is downloaded or built for the tool chain lies below GANDER_CACHE.

GANDER_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
GANDER_CACHE=${GANDER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gander}
export GANDER_ROOT GANDER_CACHE

# Node 24, pnpm and clang as `make setup` chose them come before those of the system.
case ":$PATH:" in
  *":$GANDER_CACHE/bin:"*) ;;
  *) PATH=$GANDER_CACHE/bin:$PATH:/usr/sbin:/sbin ;;
esac
export PATH

# Unpacked sources for the native binding (packages/libbpf/native).
export LIBBPF_SRC=$GANDER_CACHE/src/libbpf
export ELFUTILS_SRC=$GANDER_CACHE/src/elfutils
export ZLIB_SRC=$GANDER_CACHE/src/zlib
