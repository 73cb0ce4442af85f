// SPDX-License-Identifier: Apache-2.0
import { type NamespaceName, originPlaces, type ProcessProperty } from "@gander/policy";
import type { TestCase } from "../../policy-test.ts";
import { type Credentials, credValue, rootCredentials } from "./credentials.ts";
import { fileTypes } from "./file-types.ts";
import { type KernelValue, number, structure, text } from "./kernel-value.ts";

/** The process that does what a case says. */
export type Process = {
  readonly binary: string;
  /** The binaries of its ancestors, the nearest first. */
  readonly ancestors: readonly string[];
  readonly credentials: Credentials;
  readonly credentialsAtExec: Credentials;
  /** Those that are not the container's any more. */
  readonly changedNamespaces: readonly NamespaceName[];
  readonly hasTerminal: boolean;
  /** Types of the files that are its descriptors 0, 1 and 2. */
  readonly standardFiles: readonly [number, number, number];
  /** Of those of them that are sockets, as the kernel calls it: TCP, UNIX-STREAM. */
  readonly protocol: string;
  readonly origin: number;
  readonly environment: readonly string[];
};

/** How cases call the program of the container that no case names. */
export const application = "/application";

/** What started the container's first process on the node. */
const outside = ["/usr/bin/containerd-shim-runc-v2", "/usr/lib/systemd/systemd"];

const containerProcess: Process = {
  binary: application,
  ancestors: [application, ...outside],
  credentials: rootCredentials,
  credentialsAtExec: rootCredentials,
  changedNamespaces: [],
  hasTerminal: false,
  standardFiles: [fileTypes.character, fileTypes.character, fileTypes.pipe],
  protocol: "",
  origin: originPlaces.image,
  environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
};

/** The child of the container's first process: both run the program that the case names. */
export function processOf({ by }: Pick<TestCase, "by">): Process {
  if (by === undefined) return containerProcess;
  return { ...containerProcess, binary: by, ancestors: [by, ...outside] };
}

/** What matchProcess tests. It has just been started. */
export const propertiesOf = (process: Process): Record<ProcessProperty, number> => ({
  Age: 0,
  InInitTree: 1,
  Terminal: Number(process.hasTerminal),
  User: process.credentials.uid,
  EffectiveUser: process.credentials.euid,
  Group: 0,
  EffectiveGroup: 0,
  StandardInput: process.standardFiles[0],
  StandardOutput: process.standardFiles[1],
  StandardError: process.standardFiles[2],
  Origin: process.origin,
});

/** struct task_struct */
export function taskValue({ credentials, binary, standardFiles, protocol }: Process): KernelValue {
  const cred = credValue(credentials);
  const comm = text(binary.slice(binary.lastIndexOf("/") + 1).slice(0, 15));
  const open = standardFiles.map(
    (type, fd) => [`fd[${fd}]`, standardFile(type, protocol)] as const,
  );
  const files = structure({ fdt: structure(Object.fromEntries(open)) });
  return structure({ cred, real_cred: cred, comm, files });
}

/** struct file: the kernel names sockets by their protocol. */
function standardFile(type: number, protocol: string): KernelValue {
  const isSocket = type === fileTypes.socket;
  const name = isSocket ? protocol : type === fileTypes.character ? "null" : "";
  const dentry = structure({ d_name: structure({ name: text(name) }) });
  const superBlock = isSocket ? structure({ s_magic: number(socketFs, "uint64") }) : structure({});
  return structure({
    f_path: structure({ dentry }),
    f_inode: structure({ i_sb: superBlock }),
  });
}

/** SOCKFS_MAGIC */
const socketFs = 0x534f434b;
