// SPDX-License-Identifier: Apache-2.0

/**
 * The LSM hooks at which a program may wait for the hash of a file (bpf_ima_file_hash), and that get a file which is
 * already open: the first argument is the program that is about to run, or the file. At `file_open` it is not open
 * yet, and file systems such as overlayfs could not read it.
 */
export const hashHooks: ReadonlyMap<string, "program" | "file"> = new Map([
  ["bprm_creds_for_exec", "program"],
  ["bprm_check_security", "program"],
  ["bprm_committed_creds", "program"],
  ["mmap_file", "file"],
  ["kernel_read_file", "file"],
]);
