// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";

/** What a person who hooks a function should know of it. */
export type HookNote = {
  /** When the kernel gets there. */
  readonly when: string;
  /** What leads to the same end on another way, and is not seen. */
  readonly misses?: string;
  /** Hooks that see it. */
  readonly hook?: string;
};

/** By the name of the lsm hook, which is that of the function without `security_`. */
const securityNotes: Readonly<Record<string, HookNote>> = {
  file_permission: {
    when: "at each read and write of a file, pipe or socket by a system call",
    misses: "files that are changed without a write: truncated, mapped, renamed, linked, exchanged",
    hook: "security_path_truncate, security_file_truncate, security_mmap_file, security_inode_rename and security_inode_link as well",
  },
  file_open: {
    when: "at each open of a file",
    misses: "files that are open already: inherited, or received from another process",
    hook: "security_file_permission for their use, security_file_receive for those that are received",
  },
  bprm_check: {
    when: "at each exec; of a script a second time, for its interpreter",
    misses:
      "code that runs without an exec of its file: libraries, a loader that is given a program (`ld.so FILE`), scripts on the standard input of an interpreter",
    hook: "security_mmap_file for files that are mapped to be executed",
  },
  mmap_file: {
    when: "at each mapping of a file or of memory",
    misses: "what is made executable or writable later",
    hook: "security_file_mprotect as well",
  },
  socket_connect: {
    when: "at each connect(2)",
    misses: "datagrams and fast TCP connections that are sent without connect(2)",
    hook: "security_socket_sendmsg as well, or tcp_connect for every TCP connection",
  },
  socket_sendmsg: { when: "at each message that is sent on a socket" },
  socket_bind: { when: "at each bind(2)" },
  socket_create: { when: "at each new socket" },
  capable: { when: "at each check of a capability, also those of which the program knows nothing" },
  inode_permission: {
    when: "at each step of each path that is looked up, which is very often",
    hook: "security_file_open, if opened files are meant",
  },
  inode_getattr: { when: "at each stat(2)" },
  path_unlink: {
    when: "when a file is removed by its path",
    misses: "files that are replaced by renaming another one",
    hook: "security_path_rename as well",
  },
  path_rename: { when: "when a file or folder is renamed by its path" },
  path_chmod: { when: "when the mode of a file is changed" },
  task_kill: { when: "at each signal from one process to another" },
  task_fix_setuid: { when: "when a process changes its user" },
  ptrace_access_check: {
    when: "at ptrace(2) and at each look into another process, also by ps",
  },
  sb_mount: {
    when: "at mount(2)",
    misses: "mounts by the newer calls (fsopen, open_tree, move_mount)",
    hook: "security_move_mount as well",
  },
  bpf: { when: "at each bpf(2)" },
};

const functionNotes: Readonly<Record<string, HookNote>> = {
  fd_install: {
    when: "when a descriptor gets its file: the file is open already",
    hook: "security_file_open to deny the opening",
  },
  tcp_connect: {
    when: "when a TCP connection begins",
    misses: "other protocols",
    hook: "security_socket_connect and security_socket_sendmsg for those",
  },
  tcp_sendmsg: { when: "at each message that is sent by TCP" },
  vfs_read: { when: "at each read of a file", hook: "security_file_permission to deny it" },
  vfs_write: { when: "at each write to a file", hook: "security_file_permission to deny it" },
  do_sys_openat2: { when: "at most opens", hook: "security_file_open for all of them" },
  commit_creds: {
    when: "when a process gets new credentials: that cannot be stopped any more",
    misses: "a change early enough to deny it",
    hook: "security_capset for capset(2), security_task_fix_setuid for setuid(2) and the like, security_bprm_creds_from_file for programs with the setuid bit or with capabilities",
  },
};

/** The security check that a system call goes through: it sees each way to the same end. */
const checks: Readonly<Record<string, string>> = {
  ...each("open openat openat2 creat open_by_handle_at", "security_file_open"),
  ...each("read pread64 readv preadv preadv2", "security_file_permission"),
  ...each(
    "write pwrite64 writev pwritev pwritev2 sendfile copy_file_range",
    "security_file_permission",
  ),
  ...each("connect", "security_socket_connect"),
  ...each("bind", "security_socket_bind"),
  ...each("listen", "security_socket_listen"),
  ...each("accept accept4", "security_socket_accept"),
  ...each("sendto sendmsg sendmmsg", "security_socket_sendmsg"),
  ...each("socket", "security_socket_create"),
  ...each("execve execveat", "security_bprm_check"),
  ...each("unlink unlinkat", "security_path_unlink"),
  ...each("rename renameat renameat2", "security_path_rename"),
  ...each("link linkat", "security_path_link"),
  ...each("symlink symlinkat", "security_path_symlink"),
  ...each("mkdir mkdirat", "security_path_mkdir"),
  ...each("mknod mknodat", "security_path_mknod"),
  ...each("chmod fchmod fchmodat", "security_path_chmod"),
  ...each("chown fchown lchown fchownat", "security_path_chown"),
  ...each("truncate ftruncate", "security_path_truncate"),
  ...each("mount", "security_sb_mount"),
  ...each("move_mount", "security_move_mount"),
  ...each("umount", "security_sb_umount"),
  ...each("ptrace process_vm_readv process_vm_writev", "security_ptrace_access_check"),
  ...each("kill tkill tgkill", "security_task_kill"),
  ...each("bpf", "security_bpf"),
  ...each("finit_module", "security_kernel_read_file"),
  ...each("init_module", "security_kernel_load_data"),
  ...each("setuid setreuid setresuid setfsuid", "security_task_fix_setuid"),
  ...each("mmap", "security_mmap_file"),
  ...each("mprotect pkey_mprotect", "security_file_mprotect"),
  ...each("prctl", "security_task_prctl"),
  ...each("ioctl", "security_file_ioctl"),
  ...each("setxattr lsetxattr fsetxattr", "security_inode_setxattr"),
};

function each(calls: string, check: string): Readonly<Record<string, string>> {
  return Object.fromEntries(calls.split(" ").map((call) => [call, check]));
}

/** Undefined for a hook of which nothing special is known. */
export function hookNote({ kind, target, syscall, generated }: CompiledHook): HookNote | undefined {
  if (generated !== undefined) return undefined;
  if (kind === "lsm") return securityNotes[withoutSuffix(target)];
  if (kind === "tracepoint")
    return target === "raw_syscalls/sys_enter" || target === "sys_enter"
      ? { when: "at every system call of every process of the node" }
      : undefined;
  if (kind !== "kprobe") return undefined;
  if (!syscall)
    return target.startsWith("security_")
      ? securityNotes[withoutSuffix(target.slice("security_".length))]
      : functionNotes[target];
  return undefined;
}

/** The lsm hook is bprm_check_security, the function security_bprm_check. */
const withoutSuffix = (name: string): string => name.replace(/^(bprm_check)_security$/, "$1");

/** The function to hook instead of a system call. */
export function checkOfSyscall(target: string): string | undefined {
  return checks[target.replace(/^(__(x64|ia32)_)?sys_/, "")];
}

/** Of all tables, for a test against kernels; `security_file_truncate` came with Linux 6.2. */
export const suggestedFunctions: readonly string[] = [
  ...Object.values(checks),
  ...Object.keys(securityNotes).map((name) => `security_${name}`),
  ...Object.keys(functionNotes),
  ...[...Object.values(securityNotes), ...Object.values(functionNotes)].flatMap(
    ({ hook = "" }) => hook.match(/\b(security_|tcp_)\w+/g) ?? [],
  ),
].filter((name) => name !== "security_file_truncate");
