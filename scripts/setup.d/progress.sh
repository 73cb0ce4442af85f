# SPDX-License-Identifier: Apache-2.0
# Telling people what is going on.

setup_log=$GANDER_CACHE/setup.log

say() { printf '%s\n' "$1" >&2; }

# fail WHAT [WHAT_TO_DO]
fail() {
  printf '\n%s\n' "$1" >&2
  [[ -z ${2:-} ]] || printf '  %s\n' "$2" >&2
  exit 1
}

# attempt WHAT COMMAND…: runs COMMAND with its output in the log and shows that time passes.
# Gives the command's status; on failure the end of its output has been shown.
attempt() {
  local what=$1 started=$SECONDS pid status=0 mark
  shift
  mark=$(stat -c %s "$setup_log" 2> /dev/null || echo 0)
  "$@" >> "$setup_log" 2>&1 < /dev/null &
  pid=$!
  while kill -0 "$pid" 2> /dev/null; do
    sleep 0.2
    tick "$what" $((SECONDS - started))
  done
  wait "$pid" || status=$?
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
  if ((status == 0)); then
    say "  $what ($((SECONDS - started)) s)"
  else
    say "  $what: failed. It said last:"
    tail -c "+$((mark + 1))" "$setup_log" | tail -n 15 | sed 's/^/    /' >&2
  fi
  return $status
}

# A terminal gets a running clock, a log one line in ten seconds.
tick() {
  if [[ -t 2 ]]; then
    printf '\r  %s … %d s' "$1" "$2" >&2
  elif (($2 > 0 && $2 % 10 == 0 && $2 != ${last_tick:-0})); then
    last_tick=$2
    say "  $1 … $2 s"
  fi
}
