// SPDX-License-Identifier: Apache-2.0
import type { Container } from "./container.ts";
import type { FileFacts } from "./container-files.ts";
import { fileOperations, open } from "./file-operations.ts";
import { openFlags } from "./file-values.ts";
import type { Steps } from "./kernel-call.ts";
import { askNobody } from "./network-operations.ts";

type Execute = (container: Container, path: string, args: readonly string[]) => Steps;

type Behaviour = (container: Container, args: readonly string[], execute: Execute) => Steps;

/** What programs of the image do once their libraries are loaded. Of any other it is not known. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  "/usr/bin/true": nothing,
  "/usr/bin/false": nothing,
  *"/usr/bin/bash"(container, args) {
    yield* open(container, "/dev/tty", openFlags.readWrite);
    yield* askForUser(container);
    yield* shell(container, args);
  },
  "/usr/bin/dash": shell,
  *"/usr/bin/env"(container, args, execute) {
    const command = args.slice(1).filter((word, i) => i > 0 || !word.includes("="));
    const [name = ""] = command;
    if (name !== "")
      yield* execute(container, name.includes("/") ? name : `/usr/bin/${name}`, command);
  },
};

/** A copy does what its original does: the case's own copies are of `true`, and so is what it writes as `@/usr/bin/true`. */
export function* afterStart(
  container: Container,
  file: FileFacts,
  args: readonly string[],
  execute: Execute,
): Steps {
  const original = file.text?.startsWith("@") ? file.text.slice(1) : file.path;
  const behaviour = behaviours[original] ?? behaviours[args[0] ?? ""];
  // The case's own program, as native/act.c is told what to do.
  const isOwn = args[1] === "host";
  if (isOwn) yield* container.operate(args[2] ?? "", args.slice(3));
  else if (behaviour === undefined) yield { program: file.path, process: container.process };
  else yield* behaviour(container, args, execute);
}

/** Who it runs as, by the C library: first it asks nscd, which is not there. */
function* askForUser(container: Container): Steps {
  yield* askNobody(container);
  for (const path of ["/etc/nsswitch.conf", "/etc/passwd"])
    yield* fileOperations.read(container, path);
}

function* nothing(): Steps {}

/** `-c` with commands that read or write files, and `exit`. */
function* shell(container: Container, args: readonly string[]): Steps {
  if (args[1] !== "-c") {
    if (args.length > 1 || !args[0]?.startsWith("-"))
      yield { program: container.process.binary, process: container.process };
    return;
  }
  for (const command of (args[2] ?? "").split(";").map((one) => one.trim())) {
    const [, reads, writes] = /^(?:read \w+|:) (?:< ?(\S+)|> ?(\S+))$/.exec(command) ?? [];
    if (reads !== undefined) yield* fileOperations.read(container, reads);
    else if (writes !== undefined) {
      const flags = openFlags.write | openFlags.create | openFlags.truncate;
      yield* open(container, writes, flags);
    } else if (!/^(exit( \d+)?|:|)$/.test(command))
      yield { program: container.process.binary, process: container.process };
  }
}
