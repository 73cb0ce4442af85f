// SPDX-License-Identifier: Apache-2.0
import { type ArgTypeRow, type CompiledArg, typeRow } from "@gander/policy";
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

/**
 * The reading of a function's argument; undefined: such a value can't be there.
 * @param position where the hook has the argument that is `index` in the policy.
 */
export function functionArg(
  arg: CompiledArg,
  memory: "kernel" | "user",
  position: (index: number) => number = (index) => index,
): ArgReading | undefined {
  const row = typeRow(arg.type);
  const type = valueIn(row, memory);
  if (type === undefined) return undefined;
  const sizeRaw =
    arg.sizeIndex !== undefined ? position(arg.sizeIndex) : arg.returnCopy ? limits.RAW_RETURN : 0;
  return {
    slot: { ...plainSlot, type, raw: position(arg.index), sizeRaw },
    signed: row.signed ?? false,
  };
}

/** The reading of a function's return value. */
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
  const row = typeRow(arg.type);
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
  if (arg.type === "const_buf") return reading(valueType.VALUE_BUFFER, slotFlags.SLOT_IN_PLACE);
  const type = valueIn(row, memory);
  return type === undefined ? undefined : reading(type);
}

/**
 * An argument of security_file_permission at a hook that decides for a core dump.
 * @param attributes where the hook has the struct iattr with the file.
 */
export function coreDumpArg(arg: CompiledArg, attributes: number): ArgReading {
  const row = typeRow(arg.type);
  const isFile = arg.type === "file";
  const slot: LinkedSlot = {
    ...plainSlot,
    type: isFile ? valueType.VALUE_ATTR_FILE : numberOf(row.read),
    raw: arg.index === 0 ? attributes : limits.RAW_MAY_WRITE,
  };
  return { slot, signed: row.signed ?? false };
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
