// SPDX-License-Identifier: Apache-2.0
import { posix } from "node:path";
import { originPlaces } from "@gander/policy";
import type { Container } from "./container.ts";
import type { FileFacts } from "./container-files.ts";
import { deviceNumber, magicNumbers } from "./file-systems.ts";
import { fileTypeMask, fileTypes } from "./file-types.ts";
import { dentryValue, fileValue, openFlags, pathValue } from "./file-values.ts";
import type { Steps } from "./kernel-call.ts";
import { number, structure, text, unknown } from "./kernel-value.ts";

// The order of the hooks is that of Linux 6.12 (fs/open.c, fs/namei.c, fs/attr.c, fs/xattr.c, mm/mmap.c).

const permission = { write: 2, read: 4 } as const;
const protection = { read: 1, write: 2, execute: 4 } as const;
const mapping = { shared: 1, private: 2 } as const;
/** AT_FDCWD */
const here = -100;

const folderOf = ({ files }: Container, path: string) =>
  files.at(posix.dirname(files.nameOf(path)));

const copies = "overlayfs copies a file of the image before it is changed";

/** Of a file of the image, a container's first change goes to a copy, which overlayfs makes on its behalf. */
export function* copyUp(container: Container, path: string): Steps {
  const file = container.files.at(path);
  if (file.origin !== originPlaces.image || file.magic !== magicNumbers.overlay) return;
  const made = { ...file, path: "/work/#1", inside: "/work/#1", name: "#1" };
  const perhaps = { perhaps: copies };
  if (((file.mode ?? 0) & fileTypeMask) !== fileTypes.folder) {
    yield container.call("file_open", [fileValue(file)], perhaps);
    yield container.call("file_open", [fileValue(made, { flags: openFlags.write })], perhaps);
    yield container.call("file_permission", [fileValue(file), number(permission.read)], perhaps);
    yield container.call("file_permission", [fileValue(made), number(permission.write)], perhaps);
  }
  const name = text("trusted.overlay.origin");
  yield container.call("inode_setxattr", [unknown, dentryValue(made), name], perhaps);
  container.files.touch(path);
}

/** The folder of a name that comes or goes. */
function* changeFolder(container: Container, path: string): Steps {
  yield* copyUp(container, folderOf(container, path).path);
}

/** What a name in a folder is, if it is a link, too. */
const nameIn = ({ files }: Container, path: string): FileFacts => {
  const name = files.nameOf(path);
  const found = files.at(name);
  if (found.path === name) return found;
  const folder = files.at(posix.dirname(name));
  const inside =
    folder.inside === undefined ? undefined : posix.join(folder.inside, posix.basename(name));
  return { ...found, path: name, name: posix.basename(name), inside };
};

/** open(2) */
export function* open(container: Container, path: string, flags: number): Steps<FileFacts> {
  const { files } = container;
  let isNew = false;
  const created = flags & openFlags.create ? number(0o644, "uint16") : number(0, "uint16");
  yield container.call("sys_openat", [number(here), text(path), number(flags), created]);
  if (flags & openFlags.create && (flags & openFlags.exclusive || !files.exists(path))) {
    const mode = number(fileTypes.regular + 0o644, "uint16");
    yield* inFolder(container, "path_mknod", path, [mode, number(0, "uint32")]);
    isNew = true;
    files.make(path, { mode: fileTypes.regular + 0o644 });
  }
  const file = files.at(path);
  yield container.call("file_open", [fileValue(file, { flags })]);
  if (flags & (openFlags.truncate | 3)) yield* copyUp(container, path);
  if (flags & openFlags.truncate && !isNew) yield* truncateOpen(container, file, flags);
  return file;
}

function* truncateOpen(container: Container, file: FileFacts, flags: number): Steps {
  yield container.call("file_truncate", [fileValue(file, { flags })]);
  yield container.call("path_truncate", [pathValue(file)], {
    perhaps:
      "Linux before 6.2 asks it when a file is emptied by open(2), later ones ask file_truncate",
  });
}

/** A hook with a folder and a name in it. */
export function* inFolder(
  container: Container,
  hook: string,
  path: string,
  more: Parameters<Container["call"]>[1] = [],
): Steps {
  const args = [
    pathValue(folderOf(container, path)),
    dentryValue(nameIn(container, path)),
    ...more,
  ];
  yield container.call(hook, args);
  yield* changeFolder(container, path);
}

export function* read(container: Container, path: string): Steps {
  yield* transfer(container, path, openFlags.read);
}

/** Reads or writes a byte, by the flags with which it opens. */
function* transfer(container: Container, path: string, flags: number): Steps {
  const file = yield* open(container, path, flags);
  const wanted = flags & 3 ? permission.write : permission.read;
  yield container.call(flags & 3 ? "sys_write" : "sys_read", [
    unknown,
    unknown,
    number(1, "size_t"),
  ]);
  yield container.call("file_permission", [fileValue(file, { flags }), number(wanted)]);
}

/** mmap(2) of a file that is open. */
export function* map(
  container: Container,
  file: ReturnType<typeof fileValue>,
  { prot, flags }: { readonly prot: number; readonly flags: number },
): Steps {
  const [asked, kind] = [number(prot, "uint64"), number(flags, "uint64")];
  yield container.call("mmap_file", [file, asked, asked, kind], {
    functionArgs: [file, asked, kind],
  });
}

function* mapFile(container: Container, path: string, prot: number, flags: number): Steps {
  const opened = prot & protection.write ? openFlags.readWrite : openFlags.read;
  const file = yield* open(container, path, opened);
  yield* map(container, fileValue(file, { flags: opened }), { prot, flags });
}

const code = { prot: protection.read | protection.execute, flags: mapping.private };

/** A file that has no name any more. */
export function* mapUnlinkedCode(container: Container, path: string): Steps {
  yield* map(container, fileValue(container.files.at(path), { unlinked: true }), code);
}

export function* mapCode(container: Container, path: string): Steps {
  const file = yield* open(container, path, openFlags.read);
  yield* map(container, fileValue(file), code);
}

function* mapThenCode(container: Container, path: string): Steps {
  yield* mapFile(container, path, protection.read, mapping.private);
  const area = structure({ vm_file: fileValue(container.files.at(path)) });
  const prot = number(code.prot, "uint64");
  yield container.call("file_mprotect", [area, prot, prot]);
}

function* rename(container: Container, from: string, to: string, flags: number): Steps {
  const [source, target] = [from, to].map((path) => [
    pathValue(folderOf(container, path)),
    dentryValue(nameIn(container, path)),
  ]);
  const args = [...(source ?? []), ...(target ?? []), number(flags, "uint32")];
  yield container.call("path_rename", args);
  for (const path of [from, to]) yield* changeFolder(container, path);
  yield* copyUp(container, from);
  if (flags === 0) container.files.rename(from, to);
}

/** RENAME_EXCHANGE */
const exchanging = 2;

function* setMode(container: Container, path: string, mode: string): Steps {
  const wanted = Number(mode.replace(/^0(?=\d)/, "0o"));
  yield container.call("path_chmod", [
    pathValue(container.files.at(path)),
    number(wanted, "uint16"),
  ]);
  yield* copyUp(container, path);
  container.files.touch(path, { mode: fileTypes.regular + wanted });
}

const attribute = (container: Container, path: string, name: string) =>
  [unknown, dentryValue(container.files.at(path)), text(name)] as const;

export const fileOperations = {
  read,
  *open(container: Container, path: string): Steps {
    yield* open(container, path, openFlags.read);
  },
  *openToWrite(container: Container, path: string): Steps {
    yield* open(container, path, openFlags.write);
  },
  *openSeries(container: Container, ...paths: readonly string[]): Steps {
    for (const path of paths) yield* open(container, path, openFlags.read);
  },
  *write(container: Container, path: string): Steps {
    yield* transfer(container, path, openFlags.write);
  },
  *append(container: Container, path: string): Steps {
    yield* transfer(container, path, openFlags.write | openFlags.append);
  },
  *create(container: Container, path: string): Steps {
    yield* transfer(container, path, openFlags.write | openFlags.create | openFlags.exclusive);
  },
  *empty(container: Container, path: string): Steps {
    yield* open(container, path, openFlags.truncate);
  },
  *truncate(container: Container, path: string): Steps {
    yield container.call("path_truncate", [pathValue(container.files.at(path))]);
    yield* copyUp(container, path);
  },
  *mapShared(container: Container, path: string): Steps {
    yield* mapFile(container, path, protection.read | protection.write, mapping.shared);
  },
  mapCode,
  mapThenCode,
  *rename(container: Container, from: string, to: string): Steps {
    yield* rename(container, from, to, 0);
  },
  *exchange(container: Container, one: string, other: string): Steps {
    yield* rename(container, one, other, exchanging);
  },
  *link(container: Container, from: string, to: string): Steps {
    const source = dentryValue(nameIn(container, from));
    const folder = pathValue(folderOf(container, to));
    yield container.call("path_link", [source, folder, dentryValue(nameIn(container, to))]);
    yield* changeFolder(container, to);
    yield* copyUp(container, from);
    container.files.link(to, from);
  },
  *symlink(container: Container, target: string, at: string): Steps {
    yield* inFolder(container, "path_symlink", at, [text(target)]);
    container.files.link(at, target);
  },
  *unlink(container: Container, path: string): Steps {
    yield* inFolder(container, "path_unlink", path);
    container.files.remove(path);
  },
  *mkdir(container: Container, path: string): Steps {
    yield* inFolder(container, "path_mkdir", path, [number(0o755, "uint16")]);
    container.files.make(path, { mode: fileTypes.folder + 0o755 });
  },
  *rmdir(container: Container, path: string): Steps {
    yield* inFolder(container, "path_rmdir", path);
    container.files.remove(path);
  },
  chmod: setMode,
  *chown(container: Container, path: string, user: string): Steps {
    const file = pathValue(container.files.at(path));
    const group = number(0xffff_ffff, "uint32");
    yield container.call("path_chown", [file, number(Number(user), "uint32"), group]);
    yield* copyUp(container, path);
  },
  *setAttribute(container: Container, path: string, name: string): Steps {
    yield container.call("inode_setxattr", attribute(container, path, name));
    yield* copyUp(container, path);
  },
  *removeAttribute(container: Container, path: string, name: string): Steps {
    yield container.call("inode_removexattr", attribute(container, path, name));
    yield* copyUp(container, path);
  },
  *makeDevice(
    container: Container,
    path: string,
    kind: string,
    major: string,
    minor: string,
  ): Steps {
    const mode = (kind === "b" ? fileTypes.block : fileTypes.character) + 0o600;
    const device = deviceNumber(Number(major), Number(minor));
    const args = [number(mode, "uint16"), number(device, "uint32")];
    yield* inFolder(container, "path_mknod", path, args);
    container.files.make(path, { mode, device });
  },
};
