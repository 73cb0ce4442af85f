// SPDX-License-Identifier: Apache-2.0
import { type ArgTypeRow, type TypedArg, typeRow, type ValueRoute } from "@gander/policy";
import { limits, slotFlags, valueType } from "../link/abi.gen.ts";
import type { LinkedSlot } from "../link/linked-tables.ts";
import type { ArgReading } from "../link/planned-rule.ts";
import type { TracepointField } from "./tracepoint-format.ts";

const numberOf = (read: NonNullable<ArgTypeRow["read" | "readUser"]>) => valueType[`VALUE_${read}`];

/** How a value of a type is read; undefined: it can't be in that memory. */
function valueIn({ read, readUser }: ArgTypeRow, memory: "kernel" | "user"): number | undefined {
  if (memory === "kernel") return numberOf(read);
  return readUser === undefined ? undefined : numberOf(readUser);
}

const plainSlot = { flags: 0, sizeRaw: 0, size: 0 };

/** The programs have the numbers of other slots in hand. */
const distant = (type: number, route: ValueRoute | undefined): number =>
  type === valueType.VALUE_CAPABILITIES ||
  (route !== undefined && type >= valueType.VALUE_U8 && type <= valueType.VALUE_U64)
    ? slotFlags.SLOT_DISTANT
    : 0;

/** Of a buffer, events carry more than its beginning. */
const moreOf = ({ type, maxData }: TypedArg): number =>
  maxData === true && typeRow(type).maxData === true ? slotFlags.SLOT_MAX_DATA : 0;

/** A value that is a function's argument, or at the end of a route from there. */
function functionSlot(type: number, raw: number, sizeRaw: number, arg: TypedArg): LinkedSlot {
  const { route } = arg;
  const flags = distant(type, route) | moreOf(arg);
  if (route === undefined) return { ...plainSlot, type, raw, sizeRaw, flags };
  return { type, raw: limits.RAW_ROUTE, sizeRaw, size: raw, flags, route };
}

/**
 * The reading of a function's argument; undefined: such a value can't be there.
 * @param position where the hook has the argument that is `index` in the policy.
 */
export function functionArg(
  arg: TypedArg,
  memory: "kernel" | "user",
  position: (index: number) => number = (index) => index,
): ArgReading | undefined {
  if (arg.source === "current-task") return taskReading(arg);
  const row = typeRow(arg.type);
  const type = valueIn(row, memory);
  if (type === undefined) return undefined;
  const isInRegister = arg.source === "registers";
  const raw = isInRegister ? 0 : position(arg.index);
  const slot = functionSlot(type, raw, isInRegister ? 0 : sizeArgument(arg, position), arg);
  return { slot, signed: row.signed ?? false };
}

function sizeArgument(arg: TypedArg, position: (index: number) => number): number {
  if (arg.type === "const_buf") return limits.RAW_ROUTE;
  if (arg.sizeIndex !== undefined) return position(arg.sizeIndex);
  return arg.returnCopy ? limits.RAW_RETURN : 0;
}

/** The reading of a value behind the current task: the same at every hook. */
function taskReading(arg: TypedArg): ArgReading {
  const row = typeRow(arg.type);
  return { slot: functionSlot(numberOf(row.read), 0, 0, arg), signed: row.signed ?? false };
}

/** The reading of a function's return value. */
export function returnReading(arg: TypedArg, memory: "kernel" | "user"): ArgReading | undefined {
  return functionArg({ ...arg, index: limits.RAW_RETURN }, memory);
}

/** Of many functions, the one that was called, by its position in the list; events carry it last. */
export const whichFunction: ArgReading = {
  slot: { ...plainSlot, type: valueType.VALUE_U32, raw: limits.RAW_FUNCTION },
  signed: false,
};

/** The reading of a field in a tracepoint's record. */
export function recordArg(
  arg: TypedArg,
  field: TracepointField,
  sizeField: TracepointField | undefined,
  memory: "kernel" | "user",
): ArgReading | undefined {
  const row = typeRow(arg.type);
  const slot = {
    raw: field.offsetBytes,
    size: field.sizeBytes,
    sizeRaw: sizeField?.offsetBytes ?? 0,
    flags: 0,
  };
  const reading = (type: number, flags = 0): ArgReading => ({
    slot: {
      ...{ ...slot, type, flags: flags | distant(type, arg.route) | moreOf(arg) },
      ...(arg.route === undefined ? {} : { route: arg.route }),
    },
    signed: row.signed ?? false,
  });
  if (arg.route !== undefined) return reading(numberOf(row.read));
  if (arg.type === "string" && field.type.startsWith("__data_loc"))
    return reading(valueType.VALUE_DATA_LOC);
  if (arg.type === "string" && field.type.endsWith("]"))
    return reading(valueType.VALUE_STRING, slotFlags.SLOT_IN_PLACE);
  if (arg.type === "const_buf") return reading(valueType.VALUE_BUFFER, slotFlags.SLOT_IN_PLACE);
  const type = valueIn(row, memory);
  return type === undefined ? undefined : reading(type);
}

/**
 * An argument of security_file_permission at a hook that decides for a core dump.
 * @param attributes where the hook has the struct iattr with the file.
 * @param fileAt where that structure has it.
 */
export function coreDumpArg(arg: TypedArg, attributes: number, fileAt: number): ArgReading {
  if (arg.source !== undefined) return taskReading(arg);
  const row = typeRow(arg.type);
  const type = numberOf(row.read);
  return { slot: coreDumpSlot(arg, type, attributes, fileAt), signed: row.signed ?? false };
}

function coreDumpSlot(arg: TypedArg, type: number, attributes: number, fileAt: number): LinkedSlot {
  const { index, route } = arg;
  if (index !== 0) return { ...plainSlot, type, raw: limits.RAW_MAY_WRITE };
  if (route !== undefined) {
    const dereferences = [fileAt, ...route.dereferences];
    return functionSlot(type, attributes, 0, { ...arg, route: { ...route, dereferences } });
  }
  const ofFile = arg.type === "file" ? valueType.VALUE_ATTR_FILE : type;
  return { ...plainSlot, type: ofFile, raw: attributes };
}

/** The same for an address that will be the socket's own. */
export function toBind({ slot, signed }: ArgReading): ArgReading {
  const isAddress = slot.type === valueType.VALUE_SOCKADDR;
  return {
    slot: isAddress ? { ...slot, flags: slot.flags | slotFlags.SLOT_TO_BIND } : slot,
    signed,
  };
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
