// SPDX-License-Identifier: Apache-2.0
import { BpfError } from "./bpf-error.ts";
import { checked, Handle } from "./handle.ts";
import { type NativeFd, native } from "./native.ts";

// enum id_space in native/program.c
const btfSpace = 3;

/** The kernel's copy of a loaded module's types, named when a program attaches into the module. */
export class ModuleBtf implements Disposable {
  readonly module: string;
  readonly #handle: Handle;

  private constructor(fd: NativeFd, module: string) {
    this.module = module;
    this.#handle = new Handle(fd, `the BTF of module ${module}`);
  }

  /** Searches all BTF objects of the kernel (CAP_SYS_ADMIN). */
  static open(module: string): ModuleBtf {
    for (let id = native().nextId(btfSpace, 0); id > 0; id = native().nextId(btfSpace, id)) {
      const fd = checked(native().fdById(btfSpace, id), "open id", `Cannot open BTF ${id}`);
      if (native().btfName(fd) === module) return new ModuleBtf(fd, module);
      native().fdClose(fd);
    }
    throw new BpfError("ENOENT", `The kernel has no BTF of a module "${module}".`, {
      operation: "open BTF",
      hint: "Is it loaded (lsmod), and is this root?",
    });
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
