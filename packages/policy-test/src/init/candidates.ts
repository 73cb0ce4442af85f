// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import type { Operation, OperationName } from "../operations.ts";
import type { TestCase } from "../policy-test.ts";
import type { Sample, Samples } from "./filter-samples.ts";

/** A case that may be of use, before it is known how it ends. */
export type Candidate = Pick<TestCase, "do" | "by" | "files" | "modes" | "volumes">;

/** `near`: the same, with what a filter should not match; undefined: there is no such thing. */
export type Pair = { readonly matching: Candidate; readonly near?: Candidate };

const does = (name: OperationName, ...args: string[]): Operation => ({ name, args });
const one = (operation: Operation): Candidate => ({
  do: operation,
  files: {},
  modes: {},
  volumes: {},
});

const pathOperations: Readonly<Record<string, readonly ((path: string) => Operation)[]>> = {
  file_open: ["write", "read", "openToWrite", "empty"].map(
    (name) => (path) => does(name as OperationName, path),
  ),
  file_permission: [(path) => does("write", path), (path) => does("read", path)],
  mmap_file: [(path) => does("mapCode", path), (path) => does("mapShared", path)],
  file_mprotect: [(path) => does("mapThenCode", path)],
  path_mknod: [(path) => does("create", path)],
  path_truncate: [(path) => does("truncate", path)],
  path_mkdir: [(path) => does("mkdir", path)],
  path_unlink: [(path) => does("unlink", path)],
  path_rmdir: [(path) => does("rmdir", path)],
  path_symlink: [
    (path) => does("symlink", "/etc/hostname", path),
    (path) => does("symlink", path, "/tmp/x"),
  ],
  path_link: [(path) => does("link", path, "/tmp/x"), (path) => does("link", "/tmp/y", path)],
  path_rename: [(path) => does("rename", path, "/tmp/x"), (path) => does("rename", "/tmp/y", path)],
  path_chmod: [(path) => does("chmod", path, "0600"), (path) => does("chmod", path, "04755")],
  path_chown: [(path) => does("chown", path, "1000")],
  inode_setxattr: [(path) => does("setAttribute", path, "security.capability")],
  inode_removexattr: [(path) => does("removeAttribute", path, "user.x")],
  bprm_check_security: [(path) => does("executeCopy", path, "/usr/bin/true")],
  unix_stream_connect: [(path) => does("connectPath", path)],
};

/** Operations that need no value of a filter. */
const plainOperations: Readonly<Record<string, readonly Operation[]>> = {
  file_open: [
    does("read", "/etc/hostname"),
    does("open", "/dev/null"),
    does("open", "/dev/mem"),
    does("open", "/dev/sda"),
    does("readEnvironment"),
  ],
  bprm_check_security: [
    does("execute", "/usr/bin/true"),
    does("executeMemory", "/usr/bin/true"),
    does("executeDeleted", "/usr/bin/true"),
    does("executeCopy", "/tmp/x", "/usr/bin/true"),
    does("executeOnSocket", "/usr/bin/bash", "-c", "exit 0"),
    does("executeOnTerminal", "/usr/bin/bash", "-c", "exit 0"),
  ],
  mmap_file: [
    does("mapCode", "/usr/bin/true"),
    does("mapCode", "/tmp/y"),
    does("mapDeletedCode", "/usr/bin/true"),
  ],
  file_mprotect: [does("mapThenCode", "/usr/bin/true"), does("mapThenCode", "/tmp/y")],
  path_chmod: [does("chmod", "/tmp/y", "0755"), does("chmod", "/tmp/y", "04755")],
  path_mknod: [does("makeDevice", "/tmp/x", "c", "1", "3")],
  sb_mount: [does("mount", "tmpfs", "/mnt"), does("bind", "/etc", "/mnt")],
  move_mount: [does("moveMount", "/dev/shm", "/mnt")],
  sys_setns: [does("enter", "/proc/1/ns/mnt")],
  userns_create: [does("unshare", "user")],
  ptrace_access_check: [does("trace"), does("writeMemory"), does("openMemory")],
  kernel_read_file: [does("loadModule", "/etc/passwd")],
  kernel_load_data: [does("loadModuleFromMemory")],
  bpf: [does("loadBpf")],
  sys_io_uring_setup: [does("ioUring")],
  commit_creds: [does("become", "1000")],
  task_fix_setuid: [does("become", "1000")],
  socket_create: [
    does("socket", "packet", "raw"),
    does("socket", "inet", "raw"),
    does("socket", "inet", "stream"),
  ],
};

/** A user runs a set-user-ID program of root. */
const setUser: Candidate = {
  do: does("executeAs", "1000", "/tmp/su"),
  ...{ files: { "/tmp/su": "@/usr/bin/true" }, modes: { "/tmp/su": "04755" }, volumes: {} },
};
const ofSetUser: readonly string[] = ["bprm_creds_from_file", "commit_creds"];

const peerOperations: Readonly<Record<string, readonly OperationName[]>> = {
  socket_connect: ["connect", "connectUdp"],
  socket_sendmsg: ["send", "fastOpen"],
  tcp_connect: ["connect"],
};

/** All that might be of interest for a policy at these hooks. */
export function candidatesFor(
  hooks: ReadonlySet<string>,
  samples: Samples,
  { hooks: entries }: CompiledPolicy,
): readonly Pair[] {
  const at = <T>(table: Readonly<Record<string, readonly T[]>>) =>
    [...hooks].flatMap((hook) => table[hook] ?? []);
  const both = ({ matching, near }: Sample, make: (value: string) => Candidate): Pair => ({
    ...{ matching: make(matching), near: make(near) },
  });
  const ofPaths = samples.paths.flatMap((sample) =>
    at(pathOperations).map((make) => both(sample, (path) => withFiles(make(path)))),
  );
  const ofPeers = samples.peers.flatMap((sample) =>
    at(peerOperations).map((name) => both(sample, (peer) => one(does(name, peer)))),
  );
  const plain = at(plainOperations).map((operation) => ({ matching: withFiles(operation) }));
  const ofUsers = ofSetUser.some((hook) => hooks.has(hook)) ? [{ matching: setUser }] : [];
  const found = [...ofPaths, ...ofPeers, ...plain, ...ofUsers];
  const ofBinaries = samples.binaries.flatMap((sample) =>
    found.map(({ matching }) => both(sample, (by) => ({ ...matching, by }))),
  );
  const isExec = entries.some(
    ({ target }) => target.startsWith("bprm") || target.startsWith("security_bprm"),
  );
  return [...(isExec ? ofExec(samples) : []), ...found, ...ofBinaries];
}

function ofExec({ args, variables, ancestors, paths }: Samples): readonly Pair[] {
  const programs = [...paths.map(({ matching }) => matching), "/tmp/x"].slice(0, 3);
  const withArgument = args.flatMap(({ matching, near }) =>
    programs.flatMap((program) => [
      {
        matching: one(does("executeCopy", program, "/usr/bin/true", matching)),
        near: one(does("executeCopy", program, "/usr/bin/true", near)),
      },
      {
        matching: one(does("executeNamed", "/usr/bin/true", matching)),
        near: one(does("executeNamed", "/usr/bin/true", near)),
      },
    ]),
  );
  const withVariable = variables.map(({ matching, near }) => ({
    matching: one(does("executeWith", matching, "/usr/bin/true")),
    near: one(does("executeWith", near, "/usr/bin/true")),
  }));
  const below = ancestors.map(({ matching, near }) => ({
    matching: one(does("executeBelow", matching, "/usr/bin/bash", "-c", "exit 0")),
    near: one(does("executeBelow", near, "/usr/bin/bash", "-c", "exit 0")),
  }));
  return [...withArgument, ...withVariable, ...below];
}

const ofKernel = /^\/(?:proc|sys|dev)(?:\/|$)/;
const makes: ReadonlySet<string> = new Set([
  "create",
  "mkdir",
  "connectPath",
  "executeCopy",
  "makeDevice",
]);

/** With the files that the operation needs. */
function withFiles(operation: Operation): Candidate {
  const { name, args } = operation;
  const paths = args.filter((arg) => arg.startsWith("/") && !ofKernel.test(arg));
  const [first = "", second] = paths;
  const needed = needs(name, first, second).filter(
    (path) => !/^\/(?:usr\/bin|etc\/hostname)/.test(path),
  );
  const inVolume = needed.filter((path) => path.startsWith("/host/"));
  const volume = Object.fromEntries(inVolume.map((path) => [path.slice("/host/".length), "x"]));
  return {
    do: operation,
    modes: {},
    files: Object.fromEntries(
      needed.filter((path) => !inVolume.includes(path)).map((path) => [path, "x"]),
    ),
    volumes: inVolume.length > 0 ? { "/host": volume } : {},
  };
}

/** What is there before; of a new file, something beside it, so that its folder exists. */
function needs(name: string, first: string, second: string | undefined): readonly string[] {
  const beside = (path: string) => `${path.slice(0, path.lastIndexOf("/"))}/.keep`;
  if (first === "") return [];
  if (name === "symlink") return second === undefined ? [] : [beside(second)];
  if (makes.has(name)) return [beside(first)];
  return second === undefined ? [first] : [first, beside(second)];
}
