// SPDX-License-Identifier: Apache-2.0
import type { OperationName } from "../../operations.ts";
import type { Container } from "./container.ts";
import { execOperations } from "./exec-operations.ts";
import { fileOperations } from "./file-operations.ts";
import type { Steps } from "./kernel-call.ts";
import { networkOperations } from "./network-operations.ts";
import { otherOperations } from "./other-operations.ts";

type Model = (container: Container, ...args: string[]) => Steps;

/** The calls that each operation makes in the kernel. */
export const operationModels: Readonly<Record<OperationName, Model>> = {
  ...fileOperations,
  ...execOperations,
  ...networkOperations,
  ...otherOperations,
};

/**
 * All hooks that the model knows. Where it names one of these, it names each call; of any other hook it can't say
 * whether it is called.
 */
export const knownHooks: ReadonlySet<string> = new Set([
  ...["sys_openat", "sys_read", "sys_write", "sys_execve", "sys_mount", "sys_setns", "sys_chroot"],
  ...["sys_unshare", "sys_setresuid", "sys_ptrace", "sys_process_vm_writev"],
  ...["sys_finit_module", "sys_init_module", "sys_bpf", "sys_io_uring_setup"],
  ...["sys_socket", "sys_connect", "sys_sendto"],
  ...["file_open", "file_permission", "file_truncate", "mmap_file", "file_mprotect"],
  ...["path_mknod", "path_truncate", "path_rename", "path_link", "path_symlink", "path_unlink"],
  ...["path_mkdir", "path_rmdir", "path_chmod", "path_chown", "path_chroot"],
  ...["inode_setxattr", "inode_removexattr"],
  ...["bprm_check_security", "bprm_creds_from_file", "commit_creds", "task_fix_setuid"],
  ...["sb_mount", "move_mount", "userns_create", "ptrace_access_check"],
  ...["kernel_read_file", "kernel_load_data", "bpf"],
  ...["socket_create", "socket_connect", "socket_sendmsg", "tcp_connect", "unix_stream_connect"],
]);

/** Those that a program calls only when it starts another one. */
export const execHooks: ReadonlySet<string> = new Set([
  ...["sys_execve", "bprm_check_security", "bprm_creds_from_file"],
]);
