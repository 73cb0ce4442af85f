// SPDX-License-Identifier: Apache-2.0
import type { ArgTypeRow, MessageArgType } from "../../packages/crd-schemas/src/index.ts";
import { argField, reflection } from "../../packages/proto/src/index.ts";
import { messageOf, viewStructure } from "../../packages/sensor/src/events/structures.ts";
import { RecordReader } from "../../packages/sensor/src/records/record-reader.ts";

/** The field of an event that carries an argument of the type; undefined: none does. */
export function eventField({ type, family, event }: ArgTypeRow): string | undefined {
  if (family === "nothing") return undefined;
  if (event !== "message")
    return reflection().lookupType("tetragon.KprobeArgument").fieldsById[argField[event]]?.name;
  const nothing = viewStructure(new RecordReader(Buffer.alloc(0)), 0, 0);
  return Object.keys(messageOf(type as MessageArgType, nothing))[0];
}
