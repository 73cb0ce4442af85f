// SPDX-License-Identifier: Apache-2.0

/**
 * What a case can do, with the names of its arguments: `native/act.c` does it. A name that ends with `…` stands for
 * any number of arguments.
 */
export const operations = {
  // files
  read: ["path"],
  open: ["path"],
  openToWrite: ["path"],
  openSeries: ["path…"],
  write: ["path"],
  append: ["path"],
  create: ["path"],
  empty: ["path"],
  truncate: ["path"],
  mapShared: ["path"],
  rename: ["from", "to"],
  exchange: ["one", "other"],
  link: ["from", "to"],
  symlink: ["target", "at"],
  unlink: ["path"],
  mkdir: ["path"],
  rmdir: ["path"],
  chmod: ["path", "mode"],
  chown: ["path", "user"],
  setAttribute: ["path", "name"],
  removeAttribute: ["path", "name"],
  makeDevice: ["path", "c or b", "major", "minor"],
  // code
  mapCode: ["path"],
  mapThenCode: ["path"],
  mapDeletedCode: ["copy of"],
  execute: ["program", "argument…"],
  executeAs: ["user", "program", "argument…"],
  executeNamed: ["program", "name", "argument…"],
  executeWith: ["NAME=value", "program", "argument…"],
  executeCopy: ["path", "copy of", "argument…"],
  executeMemory: ["copy of", "argument…"],
  executeDeleted: ["copy of", "argument…"],
  executeOnConnection: ["program", "argument…"],
  executeOnSocket: ["program", "argument…"],
  executeOnTerminal: ["program", "argument…"],
  executeBelow: ["parent", "program", "argument…"],
  // namespaces, mounts, rights
  mount: ["type", "at"],
  bind: ["from", "to"],
  moveMount: ["from", "to"],
  changeRoot: ["path"],
  enter: ["namespace"],
  unshare: ["kind"],
  become: ["user"],
  // other processes
  trace: [],
  writeMemory: [],
  openMemory: [],
  readEnvironment: [],
  // network
  socket: ["family", "type"],
  connect: ["address"],
  connectUdp: ["address"],
  connectPath: ["path"],
  send: ["address"],
  fastOpen: ["address"],
  // the kernel
  loadModule: ["path"],
  loadModuleFromMemory: [],
  loadBpf: [],
  ioUring: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type OperationName = keyof typeof operations;

/** One operation and its arguments. */
export type Operation = { readonly name: OperationName; readonly args: readonly string[] };

/** What is wrong with the number of arguments; undefined: nothing. */
export function wrongArguments({ name, args }: Operation): string | undefined {
  const names: readonly string[] = operations[name];
  const isOpen = names.at(-1)?.endsWith("…") ?? false;
  const least = isOpen ? names.length - 1 : names.length;
  if (args.length >= least && (isOpen || args.length === least)) return undefined;
  const wanted = names.length === 0 ? "none: []" : names.map((one) => `<${one}>`).join(", ");
  return `${name} takes ${wanted}`;
}
