// SPDX-License-Identifier: Apache-2.0
export {
  type Btf,
  BtfError,
  type BtfField,
  type BtfKind,
  type BtfMember,
  type BtfType,
  type FunctionPrototype,
  fieldAt,
  fieldsOfType,
  findType,
  findTypes,
  functionPrototype,
  namesOfKind,
  parseBtf,
  releaseBtf,
  resolveType,
  sizeOfType,
  tracepointPrototype,
  typeById,
  typeOfKind,
  typeToString,
} from "@gander/btf";
export { type AttachKind, type AttachPoint, attachPointOf } from "./attach.ts";
export { findAttachTargets } from "./attach-target.ts";
export { BpfError, type BpfErrorCode } from "./bpf-error.ts";
export { BpfIterator, readIterator } from "./bpf-iterator.ts";
export { type ReadValue, readValue } from "./btf-read-value.ts";
export { type CValue, writeValue } from "./btf-value.ts";
export { type CloneOptions, cloneProgram } from "./clone-program.ts";
export { HeldFile, type HoldOptions } from "./held-file.ts";
export { readKernelBtf, readModuleBtf } from "./kernel-btf.ts";
export {
  type KernelFeatures,
  kernelVersion,
  type LockdownMode,
  lockdownMode,
  readActiveLsms,
  readKernelFeatures,
  supportsHelper,
  supportsKprobeMulti,
  supportsMapType,
  supportsProgramType,
} from "./kernel-features.ts";
export type { AttachType, HelperName, LinkType, MapType, ProgramType } from "./kernel-names.ts";
export { BpfLink, type LinkInfo } from "./link.ts";
export { BpfMap, type MapInfo, type MapOptions, type UpdateMode } from "./map.ts";
export type { Entries } from "./map-batch.ts";
export { MapMemory } from "./map-memory.ts";
export { type MapShape, mapFlags } from "./map-shape.ts";
export { openMappingEvents } from "./mapping-events.ts";
export { ModuleBtf } from "./module-btf.ts";
export { BpfObject, type LoadOptions, loadObject } from "./object.ts";
export {
  type AttachTarget,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  readObject,
  setVariables,
  type VariableSpec,
} from "./object-spec.ts";
export { unpin } from "./pin.ts";
export { BpfProgram, type ProgramInfo, type TestRunOptions } from "./program.ts";
export { RingBuffer, type RingBufferOptions } from "./ring-buffer.ts";
export { enableStatistics } from "./statistics.ts";
export { trimMemory } from "./trim-memory.ts";
export { VerifierError } from "./verifier-error.ts";
