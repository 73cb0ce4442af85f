// SPDX-License-Identifier: Apache-2.0
import type { CValue } from "@gander/libbpf";
import { type ProbeArgument, type RegisterName, registerOffsets } from "@gander/policy";
import { limits, probeArgumentKind } from "../link/abi.gen.ts";

/** The struct probe_argument of bpf/abi.h. */
export function probeArgument(arg: ProbeArgument): CValue {
  if (arg.in === "nothing") return { kind: probeArgumentKind.PROBE_NOTHING };
  if (arg.in === "constant")
    return { kind: probeArgumentKind.PROBE_CONSTANT, value: BigInt.asUintN(64, arg.value) };
  const width = { size: arg.size, is_signed: arg.signed ? 1 : 0 };
  if (arg.in === "register")
    return {
      ...{ ...width, kind: probeArgumentKind.PROBE_REGISTER },
      base: registerOffsets[arg.register] + arg.skip,
    };
  return {
    ...{ ...width, kind: probeArgumentKind.PROBE_MEMORY },
    ...{ base: offsetOf(arg.base), index: offsetOf(arg.index), shift: arg.shift },
    value: BigInt.asUintN(64, BigInt(arg.displacement)),
  };
}

const offsetOf = (register: RegisterName | undefined): number =>
  register === undefined ? limits.NO_REGISTER : registerOffsets[register];
