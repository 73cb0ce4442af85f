// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { BpfError } from "./bpf-error.ts";
import { check, checked, Handle } from "./handle.ts";
import { type NativeFd, native } from "./native.ts";

// enum id_space in native/program.c
const btfSpace = 3;

const sysfs = "/sys/kernel/btf";

/** The kernel's copy of a loaded module's types, named when a program attaches into the module. */
export class ModuleBtf implements Disposable {
  readonly module: string;
  readonly #handle: Handle;

  private constructor(fd: NativeFd, module: string) {
    this.module = module;
    this.#handle = new Handle(fd, `the BTF of module ${module}`);
  }

  /**
   * Whether the module is loaded and has types, /sys/kernel/btf says to everybody. The kernel gives its copy out
   * by number alone, for which it wants CAP_SYS_ADMIN (bpf_btf_get_fd_by_id in kernel/bpf/syscall.c).
   */
  static open(module: string): ModuleBtf {
    if (!existsSync(`${sysfs}/${module}`))
      throw new BpfError("ENOENT", `The kernel has no BTF of a module "${module}".`, {
        operation: "open BTF",
        hint: `Is it loaded (lsmod), and does ${sysfs} have it?`,
      });
    const what = `Cannot hook functions of module "${module}"`;
    let id = 0;
    for (;;) {
      id = check(native().nextId(btfSpace, id), "next id", what, rights);
      const fd = checked(native().fdById(btfSpace, id), "open id", what, rights);
      if (native().btfName(fd) === module) return new ModuleBtf(fd, module);
      native().fdClose(fd);
    }
  }

  get fd(): NativeFd {
    return this.#handle.fd;
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.#handle.dispose();
  }
}

const rights =
  "Programs in functions of modules need CAP_SYS_ADMIN, in the chart sensor.extraCapabilities: [SYS_ADMIN]. Hook a function of the kernel itself instead, such as security_…";
