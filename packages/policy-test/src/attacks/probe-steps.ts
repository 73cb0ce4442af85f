// SPDX-License-Identifier: Apache-2.0
import { basename } from "node:path";
import { type Operation, operations } from "../operations.ts";
import type { TestCase } from "../policy-test.ts";

/** Words of `act series` (native/act.c): what a case needs, from inside its container, and what it does. */
export function probeSteps(one: TestCase): readonly (readonly string[])[] {
  const { by } = one;
  const wordsOf = ({ name, args }: Operation) =>
    by === undefined ? [name, ...args] : ["by", by, name, ...args];
  return [
    ...programsOf(one).map(({ path, isReal }) => [isReal ? "require" : "standIn", path]),
    ...placedFiles(one),
    ...(by === undefined ? [] : [["copy", "/proc/self/exe", by, "0755"]]),
    ...one.given.map(wordsOf),
    ...Object.entries(one.mounts).map(([at, what]) =>
      what.startsWith("/") ? ["bind", what, at] : ["mount", what, at],
    ),
    wordsOf(one.do),
  ];
}

function placedFiles({ files, modes, volumes }: TestCase): readonly (readonly string[])[] {
  const inVolumes = Object.entries(volumes).flatMap(([at, content]) =>
    Object.entries(content).map(([name, text]) => [`${at}/${name}`, text] as const),
  );
  return [...Object.entries(files), ...inVolumes].map(([path, text]) =>
    text.startsWith("@")
      ? ["copy", text.slice(1), path, modes[path] ?? "0755"]
      : ["place", path, modes[path] ?? "0644", text],
  );
}

type Program = {
  readonly path: string;
  /** It has to do something: one that does nothing can't stand in for it. */
  readonly isReal: boolean;
};

/** Programs of the image. Whether they do something matters to no policy, but for those that start something. */
function programsOf(one: TestCase): readonly Program[] {
  const { name, args } = one.do;
  const names: readonly string[] = operations[name];
  const at = names.findIndex((role) => role === "program" || role === "copy of");
  const path = args[at];
  const copied = [...Object.values(one.files), ...Object.values(one.volumes).flatMap(Object.values)]
    .filter((text) => text.startsWith("@"))
    .map((text) => ({ path: text.slice(1), isReal: false }));
  if (path === undefined) return copied;
  const content = one.files[path] ?? "";
  const interpreter = /^#!(\S+)/.exec(content)?.[1];
  if (interpreter !== undefined) return [...copied, { path: interpreter, isReal: false }];
  // A file that the case itself makes.
  if (content !== "" || isInVolume(one, path)) return copied;
  return [...copied, { path, isReal: startsMore(path, args.slice(at + 1)) }];
}

const isInVolume = ({ volumes }: TestCase, path: string) =>
  Object.keys(volumes).some((at) => path.startsWith(`${at}/`));

/** `env bash`, or a shell with something to do. */
const startsMore = (path: string, rest: readonly string[]) =>
  basename(path) === "env" || (rest.includes("-c") && !rest.includes("exit 0"));
