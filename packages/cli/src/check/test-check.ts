// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Command } from "../command.ts";
import { policyCheck } from "../commands/policy-check.ts";

/** Runs `gander policy check`, for tests. `root` is where GitHub would have checked out. */
export const check = (args: readonly string[], stdin = "", root = "") =>
  runCommand(policyCheck, args, { stdin, root });

type Surroundings = { readonly stdin?: string; readonly root?: string };

export async function runCommand(
  command: Command,
  args: readonly string[],
  { stdin = "", root = "" }: Surroundings = {},
) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const status = await command.run(args, {
    stdin: Readable.from([stdin]),
    stdout,
    stderr,
    env: root === "" ? {} : { GITHUB_WORKSPACE: root },
    signal: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await outputs;
  return { status, out, err };
}

/** A directory with files of these names and contents. */
export function repository(files: Readonly<Record<string, string>>): Disposable & { root: string } {
  const root = mkdtempSync(join(tmpdir(), "gander-check-"));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true }) };
}

/** A policy without fault. */
export const GOOD = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: good
spec:
  kprobes:
    - call: fd_install
      syscall: false
      args:
        - index: 0
          type: int
        - index: 1
          type: file
      selectors:
        - matchArgs:
            - index: 1
              operator: Equal
              values: ["/etc/shadow"]
`;

/** A file whose name wants to be obeyed: by runners, terminals, XML and URIs. */
export const HOSTILE_NAME =
  "a::error file=x,line=1::b%0A<&\"'>]]>\n::stop-commands::t\n\u001b[2J\u202e #?ü.yaml";

/** A policy whose name and values try the same. */
export const HOSTILE_POLICY = GOOD.replace(
  "operator: Equal",
  'operator: "x%0A::error::y\\n::set-env name=A::b]]><!--&amp;\\e[31m\\u202e\\u0001\\uFFFE"',
);
