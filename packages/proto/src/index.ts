// SPDX-License-Identifier: Apache-2.0
export { codec, reflection } from "./codec.ts";
export { BackwardWriter } from "./event/backward-writer.ts";
export { type EventKind, eventKind, eventKindRows, isNotice } from "./event/event-kinds.ts";
export {
  type ArgField,
  argField,
  createEventArg,
  createEventView,
  type EventArg,
  type EventView,
  type HookPart,
  loaderFields,
  type ProcessPart,
  type SockView,
  type StackEntry,
  type TextView,
} from "./event/event-view.ts";
export { createEventWriter, type EventEnvelope, type EventWriter } from "./event/event-writer.ts";
export { actionNames, plainEvent } from "./event/plain-event.ts";
export { formatSecond } from "./json-time.ts";
export * from "./messages.gen.ts";
export { fromProtoJson, type JsonObject, ProtoJsonError, toProtoJson } from "./proto-json.ts";
export { serviceDefinition } from "./service.ts";
export { unknownFields } from "./unknown-fields.ts";
