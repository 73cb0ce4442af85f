// SPDX-License-Identifier: Apache-2.0
// Filters on arguments, made up from the tables of the language.
import {
  type ArgType,
  argOperatorsByName,
  operatorsFor,
  originWords,
  typeRow,
} from "@gander/crd-schemas";
import type { Random } from "../../../siege/random.ts";
import { type Arg, many } from "./target.ts";

interface Of {
  readonly random: Random;
  readonly guard: boolean;
  /** Names of lists of system calls. */
  readonly syscalls?: readonly string[];
}

/** An entry of matchArgs, matchData or matchReturnArgs; none if nothing compares such a value. */
export function argFilter(
  where: { readonly index: number } | { readonly args: readonly number[] },
  type: ArgType,
  { random, guard, syscalls = [] }: Of,
): readonly object[] {
  const { family } = typeRow(type);
  const operators = [
    ...operatorsFor(typeRow(type)),
    ...(guard && family === "path" ? ["Origin", "NotOrigin"] : []),
  ].filter((name) => name !== "CapabilitiesGained");
  if (operators.length === 0) return [];
  const operator = random.pick(operators);
  const values = valuesFor(operator, type, random);
  const isMap = operator === "InMap" || operator === "NotInMap";
  const named = isMap && syscalls.length > 0 && random.chance(0.5) ? [random.pick(syscalls)] : [];
  const all = [...values, ...named];
  return [{ ...where, operator, ...(all.length > 0 ? { values: all } : {}) }];
}

/** One set of capabilities has what another lacks. */
export const gainedFilter = (before: number, after: number, random: Random): object => ({
  args: [before, after],
  operator: "CapabilitiesGained",
  ...(random.chance(0.5) ? { values: ["CAP_SYS_ADMIN", "0x2000"] } : {}),
});

function valuesFor(operator: string, type: ArgType, random: Random): readonly string[] {
  const row = argOperatorsByName.get(operator);
  const some = (make: () => string, most = 6) => [...new Set(many(random, 1, most, make))];
  const number = () => integer(type, random);
  const port = () => random.below(65_536);
  switch (row?.kind) {
    case "origin":
      return [random.pick(originWords)];
    case "equal":
      return some(typeRow(type).family === "integer" ? number : () => text(random, 40));
    case "greater":
    case "less":
      return [`${random.between(1, 60)}`];
    case "mask":
      return [`0x${random.between(1, 63).toString(16)}`];
    case "range":
      return [`${random.below(30)}:${random.between(30, 63)}`];
    case "in-map":
      return some(number, 30);
    case "prefix":
    case "postfix":
      return some(() => text(random, 60));
    case "contains":
    case "contains-any-case":
      return some(() => text(random, 45), 3);
    case "file-type":
      return [random.pick(["reg", "dir", "sock", "fifo", "chr", "blk", "lnk"])];
    case "saddr":
    case "daddr":
      return some(() =>
        random.chance(0.5)
          ? `10.${random.below(256)}.0.0/${random.between(8, 32)}`
          : `2001:db8:${random.below(65_536).toString(16)}::/${random.between(8, 128)}`,
      );
    case "sport":
    case "dport":
      return some(() =>
        random.chance(0.5) ? `${port()}` : `${random.below(100)}:${100 + random.below(900)}`,
      );
    case "protocol":
      return [random.pick(["IPPROTO_TCP", "IPPROTO_UDP", "1"])];
    case "family":
      return [random.pick(["AF_INET", "AF_INET6", "AF_UNIX"])];
    case "state":
      return [random.pick(["TCP_ESTABLISHED", "TCP_CLOSE", "TCP_LISTEN"])];
    default:
      return [];
  }
}

function integer(type: ArgType, random: Random): string {
  const { bits = 32, signed = false, names } = typeRow(type);
  if (names === "capability") return random.pick(["CAP_KILL", "CAP_BPF", "12", "63"]);
  const greatest = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  return `${random.pick([least, greatest, 0n, BigInt(random.below(128)), BigInt(random.below(128))])}`;
}

const letters = "abcdefgh/._-é ";

export const text = (random: Random, longest: number): string =>
  `/${many(random, 1, longest - 1, () => random.pick([...letters])).join("")}x`;

/** A CelExpr that some calls pass; none if it could name nothing. `args`: in the order of the hook's list. */
export function expression(args: readonly Arg[], random: Random): readonly object[] {
  const usable = args.flatMap(({ type }, position) => {
    const { family, names } = typeRow(type);
    if (family === "integer" && names !== "capabilities") return [{ position, isText: false }];
    return ["text", "path", "bytes"].includes(family) ? [{ position, isText: true }] : [];
  });
  if (usable.length === 0) return [];
  const numbers = usable.filter(({ isText }) => !isText).map(({ position }) => position);
  // Of arguments that differ, so that no condition contradicts another.
  const atoms = usable
    .filter(() => random.chance(0.8))
    .map(({ position, isText }, i) => {
      const others = numbers.filter((one) => one !== position);
      if (isText) return textAtom(position, random);
      return i === 0 && others.length > 0 && random.chance(0.5)
        ? pairAtom(position, random.pick(others), random)
        : numberAtom(position, random);
    });
  const [first, ...more] = atoms;
  if (first === undefined) return [];
  const [second] = more;
  const whole =
    second !== undefined && random.chance(0.2)
      ? `${first} ? ${second} : ${numberAtom(usable[0]?.isText ? (numbers[0] ?? 0) : (usable[0]?.position ?? 0), random)}`
      : more.reduce((all, one) => `(${all}) ${random.pick(["||", "||", "&&"])} ${one}`, first);
  const needsNumber = whole.includes(" ? ") && numbers.length === 0;
  const values = [needsNumber ? first : whole];
  return [{ args: [usable[0]?.position ?? 0], operator: "CelExpr", values }];
}

const compared = ["==", "!=", "<", "<=", ">", ">="] as const;

function numberAtom(at: number, random: Random): string {
  const number = random.between(1, 100);
  return random.pick([
    `arg${at} ${random.pick(compared)} ${number}`,
    `!(arg${at} ${random.pick(compared)} ${number})`,
    `arg${at} in [${number}, ${(number + 3) % 128}]`,
    `arg${at} + ${number} > ${number + 5}`,
    `and(arg${at}, ${1 + (number % 60)}) != 0`,
  ]);
}

const pairAtom = (a: number, b: number, random: Random): string =>
  random.pick([
    `arg${a} ${random.pick(compared)} arg${b}`,
    `arg${a} + ${random.below(50)} >= arg${b}`,
    `!(arg${a} - 1 == arg${b})`,
  ]);

const textAtom = (at: number, random: Random): string =>
  random.pick([
    `arg${at} == '/nowhere'`,
    `!arg${at}.startsWith('/none')`,
    `arg${at}.endsWith('.none')`,
    `arg${at}.contains('nothing')`,
    `arg${at} in ['/a', '/b']`,
  ]);
