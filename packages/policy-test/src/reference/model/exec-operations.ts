// SPDX-License-Identifier: Apache-2.0
import { originUnlinked } from "@gander/policy";
import type { Container } from "./container.ts";
import type { FileFacts } from "./container-files.ts";
import { setUsers } from "./credential-operations.ts";
import { atExec, credValue } from "./credentials.ts";
import { fileOperations, map, mapCode, mapUnlinkedCode, open } from "./file-operations.ts";
import { fileTypes } from "./file-types.ts";
import { fileValue, openFlags } from "./file-values.ts";
import { type NewProgram, preparing, type Steps } from "./kernel-call.ts";
import { type KernelValue, number, structure, text, unknown } from "./kernel-value.ts";
import { createSocket } from "./network-operations.ts";
import { afterStart } from "./programs.ts";

// Source: fs/exec.c, fs/binfmt_script.c and fs/binfmt_elf.c of Linux 6.12.

type Program = {
  readonly file: FileFacts;
  /** No folder has a name of it. */
  readonly unlinked?: true;
  readonly args: readonly string[];
};

/** execve(2) of a path. */
export function* execute(container: Container, path: string, args: readonly string[]): Steps {
  yield container.call("sys_execve", [text(path), unknown, unknown]);
  yield* start(container, { file: container.files.at(path), args });
}

function* start(container: Container, { file, unlinked, args }: Program): Steps {
  const env = container.process.environment;
  const opened = fileValue(file, { forExec: true, ...(unlinked && { unlinked }) });
  yield container.call("file_open", [opened]);
  const interpreter = interpreterOf(file);
  const exec: NewProgram = { args, env };
  yield* check(container, opened, exec);
  if (interpreter !== undefined) {
    const [path, ...more] = interpreter;
    const other = container.files.at(path);
    yield container.call("file_open", [fileValue(other, { forExec: true })]);
    const scriptArgs = [path, ...more, file.path, ...args.slice(1)];
    yield* check(container, fileValue(other, { forExec: true }), { args: scriptArgs, env });
    yield* become(container, { file: other, args: scriptArgs });
  } else yield* become(container, { file, args, ...(unlinked && { unlinked }) });
}

function* check(container: Container, file: KernelValue, exec: NewProgram): Steps {
  yield container.call("file_permission", [file, number(4)]);
  yield container.call("bprm_check_security", [programValue(file, container)], { exec });
}

const programValue = (
  file: KernelValue,
  { process }: Container,
  credentials = process.credentials,
) => ({
  ...{ type: "linux_binprm" as const, ...(file.value === undefined ? {} : { value: file.value }) },
  members: { file, cred: credValue(credentials) },
});

/** `#!/usr/bin/bash -e` → its words. */
function interpreterOf({ text }: FileFacts): [string, ...string[]] | undefined {
  const [, path, rest] = /^#!\s*(\S+)[ \t]*([^\n]*)/.exec(text ?? "") ?? [];
  if (path === undefined) return undefined;
  return rest ? [path, rest.trim()] : [path];
}

/** The process becomes the program, which then loads its libraries. */
function* become(container: Container, { file, unlinked, args }: Program): Steps {
  const { process } = container;
  const setsUser = ((file.mode ?? 0) & 0o4000) !== 0;
  const credentials = atExec(process.credentials, setsUser ? 0 : undefined);
  const opened = fileValue(file, { forExec: true, ...(unlinked && { unlinked }) });
  const exec = { args, env: process.environment };
  yield container.call(
    "bprm_creds_from_file",
    [programValue(opened, container, credentials), opened],
    { exec },
  );
  yield container.call("commit_creds", [credValue(credentials)]);
  container.change({ credentials, credentialsAtExec: credentials });
  yield* map(container, opened, { prot: 5, flags: 2 });
  yield* mapCode(container, "/usr/lib64/ld-linux-x86-64.so.2");
  container.change({
    binary: unlinked ? `${file.path} (deleted)` : file.path,
    origin: file.origin + (unlinked ? originUnlinked : 0),
  });
  yield* open(container, "/etc/ld.so.cache", openFlags.read);
  const library = "/usr/lib/x86_64-linux-gnu/libc.so.6";
  yield* fileOperations.read(container, library);
  const shared = fileValue(container.files.at(library));
  yield* map(container, shared, { prot: 5, flags: 2 });
  // Parts that were written once can't be any more.
  for (const one of [shared, opened]) {
    const readOnly = number(1, "uint64");
    yield container.call("file_mprotect", [structure({ vm_file: one }), readOnly, readOnly]);
  }
  yield* afterStart(container, file, args, execute);
}

/** A copy of a file of the image, as if it had been downloaded. */
function* copy(container: Container, from: string, to: string): Steps {
  const flags = openFlags.readWrite | openFlags.create | openFlags.truncate;
  yield* open(container, to, flags);
  yield* fileOperations.read(container, from);
  yield* written(container, fileValue(container.files.at(to), { flags }));
  // To be read alone: a file that is open for writing does not run.
  yield* open(container, to, openFlags.read);
  container.files.make(to, { mode: fileTypes.regular + 0o755 });
}

function* written(container: Container, file: KernelValue): Steps {
  yield container.call("sys_write", [unknown, unknown, unknown]);
  yield container.call("file_permission", [file, number(2)]);
}

function* unlinkedCopy(container: Container, from: string): Steps<FileFacts> {
  const path = "/tmp/.act";
  yield* preparing(copy(container, from, path));
  const file = container.files.at(path);
  yield* preparing(fileOperations.unlink(container, path));
  return file;
}

/** A process that it starts. */
function* inChild(container: Container, steps: () => Steps): Steps {
  const { process } = container;
  container.change({ ancestors: [process.binary, ...process.ancestors] });
  yield* steps();
  container.process = process;
}

export const execOperations = {
  *mapDeletedCode(container: Container, from: string): Steps {
    const { path } = yield* unlinkedCopy(container, from);
    yield* mapUnlinkedCode(container, path);
  },
  *execute(container: Container, program: string, ...args: readonly string[]): Steps {
    yield* execute(container, program, [program, ...args]);
  },
  *executeAs(
    container: Container,
    user: string,
    program: string,
    ...args: readonly string[]
  ): Steps {
    const id = Number(user);
    yield* preparing(setUsers(container, { uid: id, euid: id, suid: id }));
    yield* execute(container, program, [program, ...args]);
  },
  *executeNamed(container: Container, program: string, ...args: readonly string[]): Steps {
    yield* execute(container, program, args);
  },
  *executeWith(
    container: Container,
    variable: string,
    program: string,
    ...args: readonly string[]
  ): Steps {
    container.change({ environment: [variable] });
    yield* execute(container, program, [program, ...args]);
  },
  *executeCopy(container: Container, path: string, ...args: readonly string[]): Steps {
    yield* preparing(copy(container, args[0] ?? "", path));
    yield* execute(container, path, args);
  },
  *executeMemory(container: Container, from: string, ...args: readonly string[]): Steps {
    yield* preparing(fileOperations.read(container, from));
    container.change({ environment: [] });
    const memory = { ...container.files.at("/dev/shm/x"), path: "/memfd:x", inside: "/memfd:x" };
    const file = { ...memory, name: "memfd:x", mode: fileTypes.regular + 0o777 };
    yield* preparing(written(container, fileValue(file, { unlinked: true })));
    yield* start(container, { file, unlinked: true, args: [from, ...args] });
  },
  *executeDeleted(container: Container, from: string, ...args: readonly string[]): Steps {
    const file = yield* unlinkedCopy(container, from);
    container.change({ environment: [] });
    yield* start(container, { file, unlinked: true, args: [from, ...args] });
  },
  *executeOnConnection(container: Container, program: string, ...args: readonly string[]): Steps {
    const { standardFiles } = container.process;
    yield* preparing(createSocket(container, 2, 1));
    const sockets = [fileTypes.socket, fileTypes.socket, standardFiles[2]] as const;
    container.change({ connection: "TCP", standardFiles: sockets });
    yield* execute(container, program, [program, ...args]);
  },
  *executeOnSocket(container: Container, program: string, ...args: readonly string[]): Steps {
    const { standardFiles } = container.process;
    container.change({ standardFiles: [fileTypes.socket, fileTypes.socket, standardFiles[2]] });
    yield* execute(container, program, [program, ...args]);
  },
  *executeOnTerminal(container: Container, program: string, ...args: readonly string[]): Steps {
    const [, output, error] = container.process.standardFiles;
    container.change({ hasTerminal: true, standardFiles: [fileTypes.character, output, error] });
    yield* execute(container, program, [program, ...args]);
  },
  *executeBelow(
    container: Container,
    parent: string,
    program: string,
    ...args: readonly string[]
  ): Steps {
    // The case's own program runs under that name.
    yield* preparing(copy(container, container.process.binary, parent));
    yield* preparing(asProgram(container, container.files.at(parent), [parent]));
    yield* inChild(container, () => execute(container, program, [program, ...args]));
  },
};

/** It needs no libraries. */
function* asProgram(container: Container, file: FileFacts, args: readonly string[]): Steps {
  const opened = fileValue(file, { forExec: true });
  yield container.call("file_open", [opened]);
  yield* check(container, opened, { args, env: container.process.environment });
  yield container.call("commit_creds", [credValue(container.process.credentials)]);
  yield* map(container, opened, { prot: 5, flags: 2 });
  container.change({ binary: file.path, origin: file.origin });
}
