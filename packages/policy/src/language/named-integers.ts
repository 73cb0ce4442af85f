// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { ArgTypeRow, ValueNames } from "@gander/crd-schemas";
import { bpfCommands, capabilities } from "./kernel-names.ts";
import { parseInteger, parseRange, quote, type Range, type Value } from "./values.ts";

type Names = { readonly prefix: string; readonly names: readonly string[] };

const lists: Readonly<Record<ValueNames, Names>> = {
  capability: { prefix: "CAP_", names: capabilities },
  capabilities: { prefix: "CAP_", names: capabilities },
  "bpf-command": { prefix: "BPF_", names: bpfCommands },
};

/** A number, or a name that values of the type have: `CAP_SYS_ADMIN`, of sets also `CAP_CHOWN,CAP_KILL`. */
export function parseNumberOf({ names }: ArgTypeRow, text: string): Value<bigint> {
  if (names === undefined || /^[-+\d]/.test(text)) {
    const number = parseInteger(text);
    return names === "capability" && "ok" in number ? asCapability(number.ok, text) : number;
  }
  if (names !== "capabilities") return parseName(lists[names], text);
  let set = 0n;
  for (const part of text.split(",")) {
    const bit = parseName(lists[names], part.trim());
    if ("wrong" in bit) return bit;
    set |= 1n << bit.ok;
  }
  return { ok: set };
}

/** A kernel may have more than the names here, but no more than a set has bits. */
function asCapability(number: bigint, text: string): Value<bigint> {
  if (number >= 0n && number < 64n) return { ok: number };
  return {
    wrong: `${quote(text)} is not the number of a capability`,
    hint: "Write a name such as CAP_SYS_ADMIN, or a number from 0 to 63.",
  };
}

/** The same for both ends of a range. */
export function parseRangeOf(type: ArgTypeRow, text: string): Value<Range> {
  if (type.names === undefined || /^[-+\d]/.test(text)) return parseRange(text);
  const value = parseNumberOf(type, text);
  return "wrong" in value ? value : { ok: [value.ok, value.ok] };
}

function parseName({ prefix, names }: Names, text: string): Value<bigint> {
  const upper = text.toUpperCase();
  const name = upper.startsWith(prefix) ? upper.slice(prefix.length) : upper;
  const number = names.indexOf(name);
  if (number >= 0) return { ok: BigInt(number) };
  const near = nearestName(name, names);
  return {
    wrong: `${quote(text)} is not known`,
    hint:
      near === undefined
        ? `Write a name such as ${prefix}${names[1]}, or a number.`
        : `Did you mean "${prefix}${near}"?`,
  };
}
