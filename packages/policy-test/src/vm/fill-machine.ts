// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { LoadedTest } from "../load-policy-test.ts";
import type { MachineFiles } from "./machine-files.ts";

/** Like those of Debian, which programs and cases expect. */
const folders = [
  ...["/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys"],
  ...["/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var/lib", "/var/log"],
];

const accounts = {
  passwd: "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
  group: "root:x:0:\nnogroup:x:65534:\n",
  shadow: "root:*:19000:0:99999:7:::\n",
  hosts: "127.0.0.1 localhost\n",
  hostname: "gander-machine\n",
};

/** What the program needs to make containers, and the usual ones that cases start. */
const programs = ["mount", "umount", "sh", "bash", "env", "true", "cat", "ls", "id"];
const path = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];

export type InstalledProgram = {
  readonly node: string;
  /** gander.mjs, in its folder. */
  readonly gander: string;
};

/** A small system with Gander, the tests and what they name, as far as this machine has it. */
export const fillMachine =
  (tests: readonly LoadedTest[], { node, gander }: InstalledProgram) =>
  (files: MachineFiles): void => {
    for (const one of ["/bin", "/lib", "/lib64", "/sbin"]) if (existsSync(one)) files.copy(one);
    for (const one of folders) files.makeFolder(one, 0o755);
    for (const one of ["/tmp", "/var/tmp"]) files.makeFolder(one, 0o1777);
    for (const [name, text] of Object.entries(accounts))
      files.write(`/etc/${name}`, text, name === "shadow" ? 0o640 : 0o644);
    files.place(node, "/usr/local/bin/node");
    const start = `#!/bin/sh\nexec /usr/local/bin/node --disable-sigusr1 ${gander} "$@"\n`;
    files.write("/usr/local/bin/gander", start, 0o755);
    for (const name of programs) {
      const found = path.map((folder) => join(folder, name)).find(existsSync);
      if (found !== undefined) files.copy(found);
    }
    files.copyFolder(dirname(gander), (name) => name === "node" || name.endsWith(".map"));
    for (const { file, test } of tests) {
      files.copy(resolve(file));
      for (const name of test.policies) files.copy(resolve(dirname(file), name));
    }
    for (const name of namedBy(tests)) files.copy(name);
  };

/** Files and folders of this machine that cases name; of a folder nothing that is in it. */
function namedBy(tests: readonly LoadedTest[]): readonly string[] {
  const words = tests.flatMap(({ test }) =>
    test.cases.flatMap(({ files, volumes, mounts, by = "", given, do: operation }) => [
      ...[...given, operation].flatMap(({ args }) => args),
      ...[...Object.values(files), ...Object.values(volumes).flatMap(Object.values)]
        .filter((text) => text.startsWith("@"))
        .map((text) => text.slice(1)),
      ...Object.values(mounts),
      by,
    ]),
  );
  const paths = words.filter((word) => word.startsWith("/")).map((word) => resolve(word));
  return [...new Set(paths)].filter((one) => !ofMachine.test(one) && isHere(one));
}

const ofMachine = /^\/(dev|proc|sys|machine)(\/|$)|^\/var\/tmp\/gander/;
/** All files are in the machine's memory. */
const limitBytes = 128 * 1024 * 1024;

function isHere(name: string): boolean {
  try {
    accessSync(name, constants.R_OK);
    const found = statSync(name);
    return found.isDirectory() || (found.isFile() && found.size <= limitBytes);
  } catch {
    return false;
  }
}
