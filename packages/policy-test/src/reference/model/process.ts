// SPDX-License-Identifier: Apache-2.0
import { type NamespaceName, originPlaces, type ProcessProperty } from "@gander/policy";
import type { TestCase } from "../../policy-test.ts";
import { type Credentials, credValue, rootCredentials } from "./credentials.ts";
import { magicNumbers } from "./file-systems.ts";
import { fileTypes } from "./file-types.ts";
import { type KernelValue, structure, text, unknown } from "./kernel-value.ts";

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
  /** What connects its descriptors 0 and 1, if they are no sockets of this machine. */
  readonly connection?: "TCP";
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

/** struct file of a descriptor: /dev/null, a pipe, or a socket, which the kernel names by its protocol. */
function descriptorValue(number: 0 | 1, { standardFiles, connection }: Process): KernelValue {
  const type = standardFiles[number];
  if (type === fileTypes.socket) return namedFile(connection ?? "UNIX-STREAM", magicNumbers.sockfs);
  return type === fileTypes.character ? namedFile("null", magicNumbers.devtmpfs) : unknown;
}

const namedFile = (name: string, magic: bigint): KernelValue =>
  structure({
    f_path: structure({ dentry: structure({ d_name: structure({ name: text(name) }) }) }),
    f_inode: structure({ i_sb: structure({ s_magic: { value: magic, type: "uint64" } }) }),
  });

/** struct task_struct */
export function taskValue(process: Process): KernelValue {
  const { credentials, binary } = process;
  const cred = credValue(credentials);
  const comm = text(binary.slice(binary.lastIndexOf("/") + 1).slice(0, 15));
  const fd = structure({
    "fd[0]": descriptorValue(0, process),
    "fd[1]": descriptorValue(1, process),
  });
  return structure({ cred, real_cred: cred, comm, files: structure({ fdt: fd }) });
}
