// SPDX-License-Identifier: Apache-2.0
import type { CompiledArg } from "../compiled-policy.ts";
import type { AttachFacts } from "./attach-facts.ts";
import { readCType } from "./c-type.ts";
import type { TypeRoot } from "./follow-type.ts";

/**
 * The type that the kernel gives an argument, if a pointer to the structure that the policy names (`btfType`) can't
 * be of that type. Pointers are cast between structures of which one begins with the other.
 */
export function otherStructure(
  { btfType, btfTypeModule: module }: CompiledArg,
  declared: string,
  facts: AttachFacts,
): string | undefined {
  if (btfType === undefined) return undefined;
  const { name: text } = readCType(declared);
  const pointedTo = /^(?:struct|union) (\w+) \*$/.exec(text)?.[1];
  if (pointedTo === undefined || pointedTo === btfType) return undefined;
  const theirs = beginnings({ pointerTo: pointedTo }, facts);
  const ours = beginnings(
    { pointerTo: btfType, ...(module === undefined ? {} : { module }) },
    facts,
  );
  // Of a structure that is only declared, nobody knows what it begins with.
  if (theirs === undefined || ours === undefined) return undefined;
  const isPart = theirs.includes(btfType) || ours.includes(pointedTo);
  const isSame = ours[0] !== undefined && ours[0] === theirs[0];
  return isPart || isSame || areAlternatives(ours, theirs) ? undefined : text;
}

function beginnings(root: TypeRoot, facts: AttachFacts): readonly string[] | undefined {
  const found = facts.followPath(root, "");
  return found === undefined || "reason" in found || found.value.kind !== "structure"
    ? undefined
    : found.value.begins;
}

/** The kernel casts between addresses of all families, and between sockets that wait and those of connections. */
function areAlternatives(ours: readonly string[], theirs: readonly string[]): boolean {
  const isAddress = (names: readonly string[]) => names[0]?.startsWith("sockaddr") === true;
  const isSocket = (names: readonly string[]) => names.includes("sock_common");
  return [isAddress, isSocket].some((is) => is(ours) && is(theirs));
}
