# SPDX-License-Identifier: Apache-2.0
# Which accelerator to use. A /dev/kvm may be there and yet be unable to boot a stock kernel
# (nested virtualisation), so it is tried once for this machine and the answer is kept.

# kvm_works: true if a kernel booted under KVM on this machine. Says nothing: standard error is the
# command's. The set-up asks first and tells.
kvm_works() {
  [[ -r /dev/kvm && -w /dev/kvm ]] || return 1
  local answer
  answer=$(kvm_answer)
  if [[ ! -e $answer ]]; then
    if try_kvm > "$answer.log" 2>&1; then echo yes > "$answer"; else echo no > "$answer"; fi
  fi
  [[ $(< "$answer") == yes ]]
}

# kvm_answer: where the answer for this machine, kernel and QEMU is kept.
kvm_answer() {
  echo "$GANDER_CACHE/vm/kvm-$({ uname -nr; grep -m1 'model name' /proc/cpuinfo; qemu-system-x86_64 --version; } | sha256sum | cut -c1-16)"
}

# describe_accelerator: for people.
describe_accelerator() {
  if kvm_works; then echo "Virtual machines will use KVM."
  elif [[ ! -e /dev/kvm ]]; then echo "Virtual machines will use software emulation: there is no /dev/kvm."
  elif [[ ! -r /dev/kvm || ! -w /dev/kvm ]]; then
    echo "Virtual machines will use software emulation: $(id -un) may not use /dev/kvm (see its group)."
  else
    echo "Virtual machines will use software emulation: /dev/kvm is here but cannot boot a kernel ($(grep -m1 -iE 'error|fail|assert' "$(kvm_answer).log" | cut -c1-100))."
  fi
}

# Boots the newest kernel into an init that says so.
try_kvm() {
  local root kernel
  kernel=$(printf '%s\n' "$GANDER_CACHE"/kernels/*/vmlinuz | sort -V | tail -1)
  root=$(mktemp -d)
  mkdir -p "$root/bin"
  cp "$(command -v busybox)" "$root/bin/busybox"
  # shellcheck disable=SC2016 # runs in the guest
  printf '#!/bin/busybox sh\necho booted-under-kvm\n/bin/busybox poweroff -f\n' > "$root/init"
  chmod +x "$root/init"
  pack "$root" > "$root.cpio"
  timeout 20 qemu-system-x86_64 -nodefaults -display none -no-reboot -M q35 -accel kvm -cpu host -smp 2 -m 512 \
    -kernel "$kernel" -initrd "$root.cpio" -append "console=ttyS0 panic=-1" -serial stdio < /dev/null | tee "$root.out"
  grep -q booted-under-kvm "$root.out"
  local result=$?
  rm -rf "$root" "$root.cpio" "$root.out"
  return $result
}
