// SPDX-License-Identifier: Apache-2.0
import { buildBtf } from "@gander/btf/testing";
import { expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import { eachFunction } from "../compiled-policy.ts";
import { remoteKernelFacts } from "../fleet/remote-kernel.ts";
import { placeHook } from "./place-hook.ts";

const functions = [
  "int bpf_lsm_file_open(struct file *file)",
  "int security_file_open(struct file *file)",
];
const structs = { inode: ["long number", "int links"], file: ["struct inode * f_inode"] };

const text = (filter: string) =>
  `{apiVersion: gander.dev/v1alpha1, kind: GuardPolicy, metadata: {name: a}, spec: {lsmhooks: [{hook: file_open, args: [{index: 0}], selectors: [{${filter}}]}]}}`;

function refusals(filter: string, overlay: Readonly<Record<string, readonly string[]>>) {
  const { value, problems } = checkPolicy(text(filter), { file: "a" });
  const [hook] = value?.[0]?.compiled.hooks.flatMap(eachFunction) ?? [];
  if (hook === undefined) throw new Error(JSON.stringify(problems));
  const btf = buildBtf({ structs: { ...structs, ...overlay }, functions });
  return placeHook(hook, remoteKernelFacts({ release: "7.0", btf })).refusals ?? [];
}

const ofFile = "matchArgs: [{index: 0, operator: NotOrigin, values: [image]}]";
const ofProgram = "matchProcess: [{property: Origin, operator: In, values: [layer]}]";
const others = ["matchProcess: [{property: Terminal, operator: In, values: ['true']}]"];

const known = {
  ovl_inode: ["long version", "long flags", "struct inode vfs_inode", "void * __upperdentry"],
};

it.each([ofFile, ofProgram])("is possible on kernels as they are: %s", (filter) => {
  expect(refusals(filter, known)).toEqual([]);
  expect(refusals(filter, {})).toEqual([]);
});

it.each<readonly string[]>([
  ["long flags", "struct inode vfs_inode", "void * cache", "void * __upperdentry"],
  ["long flags", "long version", "struct inode vfs_inode", "void * __upperdentry"],
  ["long flags", "struct inode vfs_inode", "void * upper"],
  ["long version", "struct inode vfs_inode", "void * __upperdentry"],
  ["long flags", "void * __upperdentry"],
])("is refused where a file of an overlay is %s, %s, …", (...ovl_inode) => {
  for (const filter of [ofFile, ofProgram])
    expect(refusals(filter, { ovl_inode }).map(({ message }) => message)).toEqual([
      "overlayfs of this kernel has its files in a way that Gander does not know yet",
    ]);
  for (const filter of others) expect(refusals(filter, { ovl_inode })).toEqual([]);
});
