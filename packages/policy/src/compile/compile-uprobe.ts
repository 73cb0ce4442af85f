// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import {
  type DigestAlgorithm,
  digestDigits,
  type ProgramPlace,
  placeText,
} from "../language/program-place.ts";
import { limits } from "../limits.ts";
import { type LooseUprobe, wasRefused } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { compileHook, type Position, readReturn } from "./compile-hook.ts";
import { readNumber, readSymbol } from "./read-place.ts";
import { refuseFields } from "./unsupported.ts";

/** A hook on functions of a program or library; `target` is `PATH:FUNCTION`. */
export function compileUprobe(spec: LooseUprobe, position: Position): CompiledHook {
  const { scope } = position;
  refuseFields(spec, scope, ofPrograms);
  const path = readPath(spec.path, scope.at("path"));
  const places = readPlaces(spec, scope);
  const [target = "", ...others] = places.map((place) => `${path}:${placeText(place)}`);
  const hook = compileHook(spec, position, {
    kind: "uprobe",
    target,
    syscall: false,
    raw: false,
    ...readReturn(spec, { kind: "uprobe", syscall: false }, scope),
    ignoreCallNotFound: false,
  });
  const by = places[0]?.by ?? ("symbol" as const);
  const counters = readCounters(spec, places.length, scope.at("refCtrOffsets"));
  const named = { ...hook, program: { path, by, ...counters, ...readDigests(spec, scope) } };
  return others.length === 0 ? named : { ...named, others };
}

/** What describes a program's own structures. */
export const ofPrograms = {
  btfPath:
    "Structures in a program's memory are not followed. Hook a place where the value itself is in an argument or a register (`data` with `source: pt_regs`, also in the middle of a function: SYMBOL+0x10). For the kernel's own types leave it out: they are known.",
} as const;

/** Other agents see the files of the node below this folder; the sensor needs no such prefix. */
const foreignRoot = /^\/procRoot\/1\/root(?=\/)/;

export function readPath(given: string | undefined, place: Scope): string {
  // Its shape was refused.
  if (given === undefined) return "";
  const path = given.replace(foreignRoot, "");
  if (path !== given)
    place.note(
      "policy-rule",
      "Paths are those of the node's own file system",
      `It is read as ${path}.`,
    );
  if (!path.startsWith("/") || /\p{Cc}/u.test(path))
    place.error(
      "policy-bad-value",
      `${JSON.stringify(given.slice(0, 80))} is not the whole path of a program or library`,
      "Write it from the root, as on the node: /usr/bin/bash.",
    );
  else if (Buffer.byteLength(path) > limits.programPathBytes)
    place.error(
      "policy-out-of-bounds",
      `The path is longer than ${limits.programPathBytes} bytes`,
      "Give the file a shorter name by a symbolic link.",
    );
  return path;
}

/** The kernel raises them while the hook is attached: one for each place, 0 for none. */
function readCounters(
  { refCtrOffsets: given = [] }: LooseUprobe,
  places: number,
  scope: Scope,
): { readonly counters?: readonly number[] } {
  const counters = given.map((offset = 0) => offset);
  if (counters.every((offset) => offset === 0)) return {};
  if (counters.length !== places)
    scope.error(
      "policy-rule",
      `There are ${counters.length} reference counters for ${places} places`,
      "Write one for each place, in their order; 0 where there is none.",
    );
  for (const [i, offset] of counters.entries())
    if (offset > maxCounter)
      scope
        .at(i)
        .error(
          "policy-out-of-bounds",
          "The kernel accepts reference counters only in the first 4 GiB of a file",
          "Write its offset in the file, not its address.",
        );
  return { counters };
}

const maxCounter = 0xffffffff;

function readDigests(
  { binaryDigests = [], ignore }: LooseUprobe,
  scope: Scope,
): Pick<NonNullable<CompiledHook["program"]>, "digests" | "ignoreDigests"> {
  const digests = binaryDigests.flatMap((text, i) =>
    text === undefined ? [] : (readDigest(text, scope.at("binaryDigests", i)) ?? []),
  );
  if (digests.length === 0) return {};
  const mayDiffer = ignore?.digestVerificationFailure === true;
  return { digests, ...(mayDiffer ? { ignoreDigests: true } : {}) };
}

function readDigest(text: string, place: Scope): string | undefined {
  const [, algorithm = "", digits = ""] =
    /^([a-z0-9-]+):([\da-f]+)$/.exec(text.toLowerCase()) ?? [];
  if (!Object.hasOwn(digestDigits, algorithm)) {
    place.error(
      "policy-bad-value",
      `${JSON.stringify(text.slice(0, 80))} is not the digest of a file`,
      `Write ALGORITHM:HEX, such as sha256:… from sha256sum; possible are ${Object.keys(digestDigits).join(", ")}.`,
    );
    return undefined;
  }
  const expected = digestDigits[algorithm as DigestAlgorithm];
  if (expected === undefined || digits.length === expected) return `${algorithm}:${digits}`;
  place.error(
    "policy-bad-value",
    `A digest by ${algorithm} has ${expected} digits, this one has ${digits.length}`,
    "Copy the whole digest.",
  );
  return undefined;
}

function readPlaces(spec: LooseUprobe, scope: Scope): readonly ProgramPlace[] {
  const lists = {
    symbol: spec.symbols ?? [],
    offset: spec.offsets ?? [],
    address: spec.addrs ?? [],
  };
  const given = [lists.symbol, lists.offset, lists.address].flat();
  const wasGiven = (["symbols", "offsets", "addrs"] as const).some((field) =>
    wasRefused(spec, field),
  );
  if (given.length === 0 && !wasGiven)
    scope.error(
      "policy-missing-field",
      "The uprobe names no function",
      "Add `symbols: [NAME]`; a file without symbols has `offsets` or `addrs`.",
    );
  const symbols = lists.symbol.map((symbol, i) => readSymbol(symbol, scope.at("symbols", i)));
  const numbers = (by: "offset" | "address", field: string) =>
    lists[by].map((number, i) => readNumber(number, by, scope.at(field, i)));
  const places = [...symbols, ...numbers("offset", "offsets"), ...numbers("address", "addrs")];
  const known = places.filter((place) => place !== undefined);
  const texts = known.map(placeText);
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice !== undefined)
    scope.error("policy-rule", `${twice.slice(0, 80)} is there twice`, "Remove one of the two.");
  return known;
}
