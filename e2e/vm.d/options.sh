# SPDX-License-Identifier: Apache-2.0
# The command line of e2e/vm.

usage() {
  cat << 'TEXT'
Usage: e2e/vm [OPTION]… -- COMMAND [ARGUMENT]…

Runs COMMAND as root in a throw-away virtual machine with a stock Debian kernel. Its output and
exit status are the command's. `gander`, `node` and `bash` are on PATH; this repository is at
/gander (as it is now, read-only, also under its path on this machine); / and /tmp are writable
and forgotten afterwards. Its standard input is empty.

  --kernel NAME        which kernel to boot: 6.1, 6.12 (default) or backports (scripts/setup backports)
  --share DIR          a copy of DIR is readable at /share
  --out DIR            what the command leaves in /out is copied into DIR afterwards
  --timeout SECONDS    stop the machine this long after its start (default 600)
  --env NAME=VALUE     set a variable for the command; may be given again
  --cpus N             number of CPUs (default 2)
  --memory MB          memory (default 2048)
  --network            a network card; this machine's 127.0.0.1 is 10.0.2.2 there
  --icount             one CPU whose clock counts instructions: repeatable measurements
  --append ARGUMENTS   more kernel arguments, such as lsm=landlock,yama
  --console FILE       keep what the kernel prints
  --interactive        COMMAND (default bash) talks to this terminal; leave with exit
  --help

Exit status: the command's (128 + signal number if a signal killed it; 126 and 127 as in a
shell), 124 after a timeout, 125 if the machine could not be started or died, 2 for wrong options.

Examples:
  e2e/vm -- uname -a
  e2e/vm --kernel 6.1 -- bash -c 'gander run --policies /gander/policies/examples & sleep 5; gander status'
  e2e/vm --share build/attacks --timeout 60 -- /share/fast-open 192.0.2.1
  e2e/vm --icount --out results -- node bench/hook.ts --json /out/hook.json
  e2e/vm --append lsm=landlock,yama -- cat /sys/kernel/security/lsm
TEXT
}

refuse() {
  echo "vm: $1 (see e2e/vm --help)" >&2
  exit 2
}

# parse_options ARGUMENT…: sets the option_* variables and the array job_argv.
parse_options() {
  option_kernel=6.12 option_share='' option_out='' option_timeout=600 option_cpus=2 option_memory=2048
  option_icount='' option_network='' option_append='' option_console='' option_interactive=''
  job_environment=()
  while (($# > 0)); do
    case $1 in
      --kernel | --share | --out | --timeout | --env | --cpus | --memory | --append | --console)
        (($# > 1)) || refuse "$1 needs a value"
        set_option "$1" "$2"
        shift 2 ;;
      --icount) option_icount=1; shift ;;
      --network) option_network=1; shift ;;
      --interactive) option_interactive=1; shift ;;
      --help | -h) usage; exit 0 ;;
      --) shift; break ;;
      -*) refuse "unknown option $1" ;;
      *) break ;;
    esac
  done
  job_argv=("$@")
  if ((${#job_argv[@]} == 0)); then
    [[ -n $option_interactive ]] || refuse "no command given"
    job_argv=(bash -l)
  fi
}

set_option() {
  local name=$1 value=$2
  case $name in
    --kernel) [[ $value =~ ^([0-9]+\.[0-9]+|backports)$ ]] || refuse "--kernel $value: give a version such as 6.12, or backports" ;;
    --timeout | --cpus | --memory) [[ $value =~ ^[1-9][0-9]*$ ]] || refuse "$name $value: give a positive number" ;;
    --share) [[ -d $value ]] || refuse "--share $value: no such directory" ;;
    --env)
      [[ $value =~ ^[A-Za-z_][A-Za-z_0-9]*= ]] || refuse "--env $value: give NAME=VALUE"
      job_environment+=("$value")
      return ;;
  esac
  printf -v "option_${name#--}" '%s' "$value"
}
