// SPDX-License-Identifier: Apache-2.0
import type { OperationName } from "../operations.ts";

/**
 * What each operation really does, and why that harms nothing. "Its" files and processes are those of the container in
 * which it is done, which is thrown away afterwards.
 */
export const effects: Readonly<Record<OperationName, string>> = {
  read: "Reads one byte of a file and forgets it.",
  open: "Opens a file for reading, reads nothing, closes it.",
  openToWrite: "Opens a file for writing, writes nothing, closes it.",
  openSeries: "Opens its files one after the other for reading, reads nothing.",
  write: "Writes one byte into a file of its own.",
  append: "Appends one byte to a file of its own.",
  create: "Makes a file of one byte in its own file system.",
  empty: "Opens a file of its own and so empties it.",
  truncate: "Empties a file of its own.",
  mapShared: "Writes one byte into a file of its own, by a mapping.",
  rename: "Renames a file of its own.",
  exchange: "Exchanges the names of two files of its own.",
  link: "Makes a hard link to a file of its own.",
  symlink: "Makes a symbolic link in its own file system.",
  unlink: "Deletes a file of its own.",
  mkdir: "Makes a folder in its own file system.",
  rmdir: "Deletes an empty folder of its own.",
  chmod: "Changes the mode of a file of its own, which has no content that could run.",
  chown: "Changes the owner of a file of its own.",
  setAttribute: "Gives a file of its own an attribute. As capabilities: an empty set.",
  removeAttribute: "Takes an attribute from a file of its own.",
  makeDevice:
    "Makes a device file in its own file system. Nothing is read from the device or written to it.",
  mapCode: "Maps a byte of a file to be executed, and does not execute it.",
  mapThenCode: "Maps a byte of a file, makes the mapping executable, and does not execute it.",
  mapDeletedCode: "Maps a deleted copy of a program to be executed, and does not execute it.",
  execute: "Runs a program of the image that only looks, or ends at once.",
  executeAs: "The same, as another user.",
  executeNamed: "The same, under another name.",
  executeWith: "The same, with a variable in its environment.",
  executeCopy: "Copies a program of the image that does nothing, and runs the copy.",
  executeMemory: "Runs a program of the image that does nothing, from memory.",
  executeDeleted: "Runs a deleted copy of a program of the image that does nothing.",
  executeOnSocket:
    "Starts a shell that ends at once, with one end of a pair of sockets as its input. Nobody is at the other end.",
  executeOnConnection:
    "Starts a shell that ends at once, with a TCP socket as its input that is connected to nothing.",
  executeOnTerminal: "Starts a shell that ends at once, at a terminal of its own.",
  executeBelow: "Starts a shell that ends at once, below a process with the name of a server.",
  mount: "Mounts an empty file system in its own mount namespace.",
  bind: "Binds a folder of its own elsewhere in its own mount namespace.",
  moveMount: "Mounts a copy of a mount of its own in its own mount namespace.",
  changeRoot: "Changes its own root to a folder of its own.",
  enter: "Enters the namespace in which it is.",
  unshare: "Makes a namespace, in which nothing runs.",
  become: "Changes its own user.",
  trace: "Attaches to a process that it has started itself, and ends it.",
  writeMemory: "Writes one byte into the memory of a process that it has started itself.",
  openMemory:
    "Opens the memory of a process that it has started itself; nothing is read or written.",
  readEnvironment:
    "Opens the environment of a process that it has started itself; nothing is read.",
  socket: "Opens a socket, over which nothing is sent.",
  connect:
    "Begins a TCP connection and does not wait for it. With --here there is no network: nothing leaves the machine.",
  connectUdp: "Names the peer of a UDP socket, over which nothing is sent.",
  connectPath: "Connects to a socket that it has made itself.",
  send: "Sends a datagram of one byte. With --here there is no network: nothing leaves the machine.",
  fastOpen: "Begins a TCP connection with one byte of data. With --here there is no network.",
  loadModule:
    "Offers a file to the kernel as a module that is none: the kernel refuses its format.",
  loadModuleFromMemory: "Offers the kernel zeros as a module: it refuses their format.",
  loadBpf: "Loads a BPF program of two instructions that is attached to nothing and gone at once.",
  ioUring: "Makes a ring of io_uring with one entry, and uses it for nothing.",
};
