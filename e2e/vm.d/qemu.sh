# SPDX-License-Identifier: Apache-2.0
# One run of the virtual machine. Uses $work, the option_* variables and job_argv of e2e/vm.

die() {
  echo "vm: $1" >&2
  exit 125
}

check_setup() {
  kernel_directory=$GANDER_CACHE/kernels/$option_kernel
  local known
  if [[ ! -e $kernel_directory/vmlinuz ]]; then
    known=$(cd "$GANDER_CACHE/kernels" 2> /dev/null && ls -d */vmlinuz | sed 's,/.*,,' | tr '\n' ' ' || true)
    [[ $option_kernel != backports ]] || die "the kernel of Debian's backports is not here; run scripts/setup backports"
    die "no kernel $option_kernel here (there is: ${known:-none}); run make setup"
  fi
  command -v qemu-system-x86_64 > /dev/null || die "qemu-system-x86_64 is missing; run make setup"
}

# write_job DIRECTORY: what guest-init shall run.
write_job() {
  local name
  mkdir -p "$1"
  printf '%s\0' "${job_argv[@]}" > "$1/argv"
  # Settings a command may want to follow; everything else of this machine stays outside.
  for name in TERM COLUMNS FORCE_COLOR NO_COLOR; do
    [[ -z ${!name:-} ]] || printf '%s\0' "$name=${!name}"
  done > "$1/environment"
  ((${#job_environment[@]} == 0)) || printf '%s\0' "${job_environment[@]}" >> "$1/environment"
  echo "$GANDER_ROOT" > "$1/repository"
  case $PWD/ in
    "$GANDER_ROOT"/*) echo "/gander${PWD#"$GANDER_ROOT"}" > "$1/directory" ;;
    *) echo /gander > "$1/directory" ;;
  esac
  [[ -z $option_out ]] || touch "$1/out"
  [[ -z $option_interactive ]] || touch "$1/interactive"
  [[ -z $option_network ]] || touch "$1/network"
}

# build_disks: sets disks (QEMU arguments) and prepares $work/initramfs.
build_disks() {
  local base dependencies repository boot
  mkdir -p "$GANDER_CACHE/vm"
  base=$(base_image) || die "cannot build the guest's root file system (see above)"
  dependencies=$(dependencies_image) || die "cannot build an image of node_modules (see above)"
  prepare_code || die "cannot bundle gander for the guest (see above)"
  repository=$(repository_image) || die "cannot build an image of $GANDER_ROOT (see above)"
  disks=()
  # Writes to the root go to an unnamed temporary file.
  add_disk root "$base" snapshot=on
  add_disk node_modules "$dependencies" readonly=on
  add_disk repository "$repository" readonly=on
  if [[ -n $option_share ]]; then
    make_ext4 "$work/share.ext4" "$option_share" || die "cannot build an image of $option_share (see above)"
    add_disk share "$work/share.ext4" readonly=on
  fi
  # The image of e2e/corpus, if scripts/setup.d/corpus has made it.
  [[ ! -e $GANDER_CACHE/corpus/image ]] || add_disk corpus "$GANDER_CACHE/corpus/image" readonly=on
  boot=$(boot_initramfs "$kernel_directory")
  # An initramfs may be a chain of archives: the second one holds the job.
  mkdir "$work/second"
  mv "$work/job" "$work/second/job"
  { cat "$boot"; pack "$work/second"; } > "$work/initramfs"
}

add_disk() {
  disks+=(-drive "if=none,id=$1,format=raw,file=$2,$3" -device "virtio-blk-pci,drive=$1,serial=$1")
}

# start_guest: boots, with FIFOs for ports; cat carries two of them to our own output.
start_guest() {
  local -a arguments=(-nodefaults -no-user-config -display none -no-reboot -M q35 -m "$option_memory")
  local port
  if [[ -n $option_icount ]]; then
    arguments+=(-accel "tcg,thread=single" -cpu max,la57=off -smp 1 -icount "shift=0,sleep=off")
  elif kvm_works; then
    arguments+=(-accel kvm -cpu host -smp "$option_cpus")
  else
    arguments+=(-accel "tcg,thread=$(tcg_threads)" -cpu max,la57=off -smp "$option_cpus")
  fi
  arguments+=("${disks[@]}" -kernel "$kernel_directory/vmlinuz" -initrd "$work/initramfs"
    -append "console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check $option_append" -device virtio-serial-pci)
  [[ -z $option_network ]] || arguments+=(-netdev user,id=network,ipv6=off -device "virtio-net-pci,netdev=network,romfile=")
  for port in stdout stderr out status; do
    mkfifo "$work/$port"
    arguments+=(-chardev "file,id=$port,path=$work/$port" -device "virtserialport,chardev=$port,name=$port")
  done
  connect_ports
  console=${option_console:-$work/console}
  if [[ -n $option_interactive ]]; then
    run_qemu "${arguments[@]}" -serial mon:stdio <&0 2> "$work/qemu.log" &
  else
    run_qemu "${arguments[@]}" -serial "file:$console" < /dev/null > "$work/qemu.log" 2>&1 &
  fi
  qemu_pid=$!
}

# tcg_threads: multi, or single where the emulator is too old for more. Before 8.1 a CPU may run code
# that another one has replaced: kernels die of "int3" while they patch themselves, and one Node process
# in some hundred of SIGSEGV. All CPUs of the guest take turns in one thread then.
tcg_threads() {
  local version
  version=$(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9]*\.[0-9]*\).*/\1/p')
  if printf '%s\n' 8.1 "${version:-0}" | sort --check=quiet --version-sort; then
    echo multi
  else
    echo single
  fi
}

# The machine shall not outlive this script, even if that is killed.
run_qemu() { exec setpriv --pdeathsig KILL qemu-system-x86_64 "$@"; }

# take_turn: waits while as many machines as CPUs run from this cache: CPUs of emulated machines wait
# for each other, and more of them than real ones slow all down. Nobody waits for longer than ten
# minutes, because a machine may be left standing on purpose.
take_turn() {
  local slot slots tries=0
  slots=$(nproc)
  while ((tries++ < 1200)); do
    for ((slot = 1; slot <= slots; slot++)); do
      exec {slot_fd}> "$GANDER_CACHE/vm/slot-$slot"
      if flock --nonblock "$slot_fd"; then return; fi
      exec {slot_fd}>&-
    done
    ((tries != 20)) || echo "vm: waiting, because $slots machines are running already" >&2
    sleep 0.5
  done
}

# connect_ports: we hold all FIFOs open ourselves, so that nobody waits for a QEMU that never came.
connect_ports() {
  exec {stdout_fd}<> "$work/stdout" {stderr_fd}<> "$work/stderr" {out_fd}<> "$work/out" {status_fd}<> "$work/status"
  carry cat "$work/stdout"
  carry cat "$work/stderr" >&2
  if [[ -n $option_out ]]; then
    mkdir -p "$option_out"
    carry tar -x --no-same-owner -C "$option_out" -f "$work/out"
  fi
}

# carry COMMAND…: in the background, without our ends of the FIFOs: it shall see their end.
carry() {
  "$@" {stdout_fd}>&- {stderr_fd}>&- {out_fd}>&- {status_fd}>&- &
  carrier_pids+=($!)
}
carrier_pids=()

# wait_for_status: ends with the command's status, or says what went wrong instead.
wait_for_status() {
  local status='' piece='' deadline=$((SECONDS + option_timeout))
  # In short waits, because a signal is attended to only between them. One may end within the line.
  until read -r -t 0.2 -u "$status_fd" piece; do
    status+=$piece
    if ! kill -0 "$qemu_pid" 2> /dev/null; then
      read -r -t 0.2 -u "$status_fd" piece || machine_died
      break
    fi
    if ((SECONDS >= deadline)); then
      stop_guest
      echo "vm: stopped after $option_timeout s: the command was still running (--timeout)" >&2
      exit 124
    fi
  done
  stop_guest
  exit "$status$piece"
}

machine_died() {
  stop_guest
  {
    echo "vm: the machine died before the command ended. QEMU and its console said last:"
    tail -n 5 "$work/qemu.log"
    last_words "$console"
  } >&2
  exit 125
}

# last_words CONSOLE: from the first sign of a crash on, or else the end.
last_words() {
  [[ -e $1 ]] || return 0
  if ! sed -n '/BUG:\|Oops\|Kernel panic/,$p' "$1" | head -n 80 | grep .; then tail -n 30 "$1"; fi
}

# stop_guest: takes the machine away; what it wrote has arrived and is carried to its end.
stop_guest() {
  [[ -n $qemu_pid ]] || return 0
  kill -KILL "$qemu_pid" 2> /dev/null || true
  wait "$qemu_pid" 2> /dev/null || true
  qemu_pid=
  exec {stdout_fd}>&- {stderr_fd}>&- {out_fd}>&- {status_fd}>&-
  wait "${carrier_pids[@]}" 2> /dev/null || true
}
