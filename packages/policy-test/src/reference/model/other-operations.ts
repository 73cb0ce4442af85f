// SPDX-License-Identifier: Apache-2.0
import type { NamespaceName } from "@gander/policy";
import type { Container } from "./container.ts";
import { setUsers } from "./credential-operations.ts";
import { credValue } from "./credentials.ts";
import { open } from "./file-operations.ts";
import { fileValue, openFlags, pathValue } from "./file-values.ts";
import type { Steps } from "./kernel-call.ts";
import { absent, number, structure, text, unknown } from "./kernel-value.ts";

// Source: fs/namespace.c, kernel/nsproxy.c, kernel/ptrace.c, fs/proc/base.c, kernel/module/main.c, kernel/bpf/syscall.c
// and io_uring/io_uring.c of Linux 6.12.

const msBind = 4096;
const cloneFlags: Readonly<Record<string, number>> = {
  mnt: 0x00020000,
  user: 0x10000000,
  pid: 0x20000000,
  net: 0x40000000,
};
/** PTRACE_MODE_ */
const ptraceMode = { read: 1, attach: 2, filesystem: 8, real: 0x10 } as const;
/** READING_MODULE and LOADING_MODULE */
const moduleKind = 2;
/** BPF_PROG_LOAD */
const loadProgram = 5;

/** What a process of the same program is reached by. */
function* reachInto(container: Container, mode: number): Steps {
  yield container.call("ptrace_access_check", [structure({}), number(mode, "uint32")]);
}

function* openOfOther(container: Container, name: string, flags: number, mode: number): Steps {
  const path = `/proc/2/${name}`;
  yield* open(container, path, flags);
  yield* reachInto(container, mode | ptraceMode.filesystem);
}

export const otherOperations = {
  *mount(container: Container, type: string, at: string): Steps {
    const flags = number(0, "uint64");
    yield container.call("sys_mount", [text("none"), text(at), text(type), flags, absent]);
    const on = pathValue(container.files.at(at));
    yield container.call("sb_mount", [text("none"), on, text(type), flags, absent]);
  },
  *bind(container: Container, from: string, to: string): Steps {
    const flags = number(msBind, "uint64");
    yield container.call("sys_mount", [text(from), text(to), absent, flags, absent]);
    const on = pathValue(container.files.at(to));
    yield container.call("sb_mount", [text(from), on, absent, flags, absent]);
  },
  *moveMount(container: Container, from: string, to: string): Steps {
    const args = [pathValue(container.files.at(from)), pathValue(container.files.at(to))];
    yield container.call("move_mount", args);
  },
  *changeRoot(container: Container, path: string): Steps {
    yield container.call("sys_chroot", [text(path)]);
    yield container.call("path_chroot", [pathValue(container.files.at(path))]);
  },
  *enter(container: Container, namespace: string): Steps {
    // To follow the link of another process.
    if (!namespace.startsWith("/proc/self/"))
      yield* reachInto(container, ptraceMode.read | ptraceMode.filesystem);
    const file = yield* open(container, namespace, openFlags.read);
    const descriptor = { ...fileValue(file), type: "fd" as const };
    yield container.call("sys_setns", [descriptor, number(0)]);
    if (namespace.endsWith("/user")) yield container.call("commit_creds", [unknown]);
  },
  *unshare(container: Container, kind: string): Steps {
    yield container.call("sys_unshare", [number(cloneFlags[kind] ?? 0, "uint64")]);
    if (kind === "user") {
      const { credentials } = container.process;
      yield container.call("userns_create", [credValue(credentials)]);
      yield container.call("commit_creds", [unknown]);
    }
    // A new network has sockets of the kernel's own.
    if (kind === "net")
      yield container.call("socket_create", [unknown, unknown, unknown, number(1)]);
    container.change({ changedNamespaces: [kind as NamespaceName] });
  },
  *become(container: Container, user: string): Steps {
    const id = Number(user);
    const { suid } = container.process.credentials;
    yield* setUsers(container, { uid: id, euid: id, suid });
  },
  *trace(container: Container): Steps {
    yield container.call("sys_ptrace", [number(16, "int64"), unknown, number(0), number(0)]);
    yield* reachInto(container, ptraceMode.attach | ptraceMode.real);
  },
  *writeMemory(container: Container): Steps {
    yield container.call("sys_process_vm_writev", []);
    yield* reachInto(container, ptraceMode.attach | ptraceMode.real);
  },
  *openMemory(container: Container): Steps {
    yield* openOfOther(container, "mem", openFlags.readWrite, ptraceMode.attach);
  },
  *readEnvironment(container: Container): Steps {
    yield* openOfOther(container, "environ", openFlags.read, ptraceMode.read);
  },
  *loadModule(container: Container, path: string): Steps {
    const file = yield* open(container, path, openFlags.read);
    yield container.call("sys_finit_module", [unknown, text(""), number(0)]);
    const args = [fileValue(file), number(moduleKind), number(1)];
    yield container.call("kernel_read_file", args);
    yield container.call("file_permission", [fileValue(file), number(4)]);
  },
  *loadModuleFromMemory(container: Container): Steps {
    yield container.call("sys_init_module", [unknown, number(4096, "uint64"), text("")]);
    yield container.call("kernel_load_data", [number(moduleKind), number(1)]);
  },
  *loadBpf(container: Container): Steps {
    const command = { ...number(loadProgram), type: "bpf_cmd" as const };
    yield container.call("sys_bpf", [command, unknown, unknown]);
    yield container.call("bpf", [command, unknown, unknown]);
  },
  *ioUring(container: Container): Steps {
    yield container.call("sys_io_uring_setup", [number(1, "uint32"), unknown]);
  },
};
