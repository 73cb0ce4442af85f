// SPDX-License-Identifier: Apache-2.0
import { type ArgType, argTypesByName } from "@gander/crd-schemas";
import type { Random } from "../../../siege/random.ts";

/** Something that a machine has and a policy can hook. */
export interface Target {
  readonly section: "kprobes" | "lsmhooks" | "tracepoints" | "uprobes" | "usdts";
  /** Of a tracepoint `subsystem/event`, of a function of a program `PATH:FUNCTION`, of a probe `PATH:PROVIDER:NAME`. */
  readonly name: string;
  readonly syscall: boolean;
  readonly raw: boolean;
  /** By position; undefined: none that the language has. */
  readonly parameters: readonly (ArgType | undefined)[];
  readonly returns: ArgType | undefined;
  /** Paths of members that lead to a value, by position of the argument. */
  readonly behind?: Readonly<Record<number, readonly { resolve: string; type: ArgType }[]>>;
}

/** An argument, or data, that a hook reads: filters may use it. */
export interface Arg {
  /** As filters name it. */
  readonly index: number;
  /** What it is on the kernel, whatever `spec` says. */
  readonly type: ArgType;
  readonly spec: object;
}

export const many = <T>(
  random: Random,
  low: number,
  high: number,
  make: (index: number) => T,
): T[] => Array.from({ length: random.between(low, high) }, (_, index) => make(index));

const namesOf = Map.groupBy(argTypesByName.keys(), (name) => argTypesByName.get(name)?.type);

const setsOfCapabilities = ["kernel_cap_t", "cap_inheritable", "cap_permitted", "cap_effective"];

/** One of the names that a type has in policies. */
export const written = (random: Random, type: ArgType): string =>
  random.pick(
    setsOfCapabilities.includes(type) ? setsOfCapabilities : (namesOf.get(type) ?? [type]),
  );
