// SPDX-License-Identifier: Apache-2.0
import type { ArgType, CompiledArg } from "@gander/policy";
import { limits, slotFlags, valueType } from "../link/abi.gen.ts";
import type { LinkedSlot } from "../link/linked-tables.ts";
import type { ArgReading } from "../link/rule-spec.ts";
import type { TracepointField } from "./tracepoint-format.ts";

/** How an argument type of the policy language is read: a row here, a case in bpf/args.bpf.h. */
type ArgTypeRow = {
  readonly kernel: number;
  /** In arguments of system calls, which point to user memory; absent: makes no sense there. */
  readonly user?: number;
  readonly signed?: true;
};

const number = (value: number): ArgTypeRow => ({ kernel: value, user: value });
const signed = (value: number): ArgTypeRow => ({ kernel: value, user: value, signed: true });

const argTypes: Readonly<Record<ArgType, ArgTypeRow>> = {
  int8: signed(valueType.VALUE_S8),
  uint8: number(valueType.VALUE_U8),
  int16: signed(valueType.VALUE_S16),
  uint16: number(valueType.VALUE_U16),
  int: signed(valueType.VALUE_S32),
  uint32: number(valueType.VALUE_U32),
  int64: signed(valueType.VALUE_U64),
  uint64: number(valueType.VALUE_U64),
  size_t: number(valueType.VALUE_U64),
  string: { kernel: valueType.VALUE_STRING, user: valueType.VALUE_USER_STRING },
  char_buf: { kernel: valueType.VALUE_BUFFER, user: valueType.VALUE_USER_BUFFER },
  fd: number(valueType.VALUE_FD),
  file: { kernel: valueType.VALUE_FILE },
  path: { kernel: valueType.VALUE_PATH },
  filename: { kernel: valueType.VALUE_FILENAME },
  linux_binprm: { kernel: valueType.VALUE_BINPRM },
  sock: { kernel: valueType.VALUE_SOCK },
  sockaddr: { kernel: valueType.VALUE_SOCKADDR },
  nop: number(valueType.VALUE_NONE),
};

const plainSlot = { flags: 0, sizeRaw: 0, size: 0 };

/**
 * The reading of a function's argument; undefined: such a value can't stand there.
 * @param position where the hook has the argument that the policy counts as `index`.
 */
export function functionArg(
  arg: CompiledArg,
  memory: "kernel" | "user",
  position: (index: number) => number = (index) => index,
): ArgReading | undefined {
  const row = argTypes[arg.type];
  const type = memory === "user" ? row.user : row.kernel;
  if (type === undefined) return undefined;
  const sizeRaw =
    arg.sizeIndex !== undefined ? position(arg.sizeIndex) : arg.returnCopy ? limits.RAW_RETURN : 0;
  return {
    slot: { ...plainSlot, type, raw: position(arg.index), sizeRaw },
    signed: row.signed ?? false,
  };
}

/** The reading of what a function returns. */
export function returnReading(arg: CompiledArg): ArgReading | undefined {
  return functionArg({ ...arg, index: limits.RAW_RETURN }, "kernel");
}

/** The reading of a field in a tracepoint's record. */
export function recordArg(
  arg: CompiledArg,
  field: TracepointField,
  sizeField: TracepointField | undefined,
  memory: "kernel" | "user",
): ArgReading | undefined {
  const row = argTypes[arg.type];
  const slot = {
    raw: field.offsetBytes,
    size: field.sizeBytes,
    sizeRaw: sizeField?.offsetBytes ?? 0,
    flags: 0,
  };
  const reading = (type: number, flags = 0): ArgReading => ({
    slot: { ...slot, type, flags },
    signed: row.signed ?? false,
  });
  if (arg.type === "string" && field.type.startsWith("__data_loc"))
    return reading(valueType.VALUE_DATA_LOC);
  if (arg.type === "string" && field.type.endsWith("]"))
    return reading(valueType.VALUE_STRING, slotFlags.SLOT_IN_PLACE);
  const type = memory === "user" ? row.user : row.kernel;
  return type === undefined ? undefined : reading(type);
}

/**
 * An argument of security_file_permission where it is decided for a core dump.
 * @param attributes where the hook has the struct iattr with the file.
 */
export function coreDumpArg(arg: CompiledArg, attributes: number): ArgReading {
  const row = argTypes[arg.type];
  const isFile = arg.type === "file";
  const slot: LinkedSlot = {
    ...plainSlot,
    type: isFile ? valueType.VALUE_ATTR_FILE : row.kernel,
    raw: arg.index === 0 ? attributes : limits.RAW_MAY_WRITE,
  };
  return { slot, signed: row.signed ?? false };
}

/** A socket with the address that a call is about to use, as the policy's `sock`. */
export function socketToAddress(call: "connect" | "sendmsg"): ArgReading {
  const slot: LinkedSlot =
    call === "connect"
      ? { type: valueType.VALUE_SOCK_TO_ADDR, raw: 0, sizeRaw: 1, size: 2, flags: 0 }
      : {
          type: valueType.VALUE_SOCK_TO_ADDR,
          raw: 0,
          sizeRaw: 1,
          size: 0,
          flags: slotFlags.SLOT_MESSAGE,
        };
  return { slot, signed: false };
}
