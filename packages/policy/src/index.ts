// SPDX-License-Identifier: Apache-2.0

export type {
  ActionRow,
  ArgType,
  ArgTypeRow,
  HookEvent,
  HookKind,
  MessageArgType,
  ProcessProperty,
  SocketActionWord,
  TestForm,
} from "@gander/crd-schemas";
export {
  actionRow,
  actionRows,
  argTests,
  argTypeRows,
  hookKindNames,
  hookKinds,
  isHookEvent,
  originPlaces,
  originUnlinked,
  processProperties,
  processPropertyNames,
  requestKinds,
  typeRow,
} from "@gander/crd-schemas";
export {
  checkExceptionObject,
  checkPolicy,
  checkPolicyFile,
  checkPolicyObject,
  checkSetObject,
  sameSetNames,
} from "./check-policy.ts";
export type { CheckedFile, CheckedPolicy } from "./checked-policy.ts";
export {
  type FuseMetadata,
  fuseMetadata,
  fuseOf,
  fuseProblems,
  type PolicyFuse,
} from "./compile/compile-fuse.ts";
export { mappingEventMark, mappingFunction } from "./compile/loader-hook.ts";
export type {
  ArgTest,
  CompiledAction,
  CompiledArg,
  CompiledFilter,
  CompiledHook,
  CompiledPolicy,
  CompiledSelector,
  ExecTest,
  Fuse,
  LabelSelector,
  NamespaceName,
  Network,
  RequestAction,
  TestOf,
  TypedArg,
  TypedFilter,
  TypedHook,
  TypedSelector,
  ValueRoute,
  WorkloadSelector,
} from "./compiled-policy.ts";
export { eachFunction, hasForm } from "./compiled-policy.ts";
export {
  applyExceptions,
  type ExceptionPlace,
  type ExceptionUse,
} from "./exceptions/apply-exceptions.ts";
export { type ChosenPolicy, choosesPolicy } from "./exceptions/choose-policies.ts";
export {
  type CheckedException,
  type CompiledException,
  exceptionText,
} from "./exceptions/policy-exception.ts";
export {
  exceptionsOf,
  exceptionWarnings,
  sameExceptionNames,
  useExceptions,
  useText,
} from "./exceptions/use-exceptions.ts";
export type { KernelFeatureName } from "./fleet/kernel-features.ts";
export { formatProblems, summary } from "./format-problems.ts";
export type { AttachFacts, FoundPlace, NoPlace, ProgramFile } from "./kernel-check/attach-facts.ts";
export { hasBpfLsm } from "./kernel-check/attach-facts.ts";
export type { AttachKind, HookPoint } from "./kernel-check/attach-kinds.ts";
export { attachKinds, describeHookPoint, hookPointKey } from "./kernel-check/attach-kinds.ts";
export type { Prototype } from "./kernel-check/check-prototype.ts";
export type { KernelTypes, PathResult, TypeRoot } from "./kernel-check/follow-type.ts";
export { followType, structureKinds } from "./kernel-check/follow-type.ts";
export {
  enforces,
  isEnforcing,
  onlyOnReturn,
  requestsOf,
  stops,
  wantsReturn,
} from "./kernel-check/hook-traits.ts";
export type { FoundFunctions, FunctionSet } from "./kernel-check/matching-functions.ts";
export { belongsTo, chooseFunctions, setKey } from "./kernel-check/matching-functions.ts";
export { functionNamesOf, placeHook, syscallFunction } from "./kernel-check/place-hook.ts";
export { changesRegisters } from "./kernel-check/place-override.ts";
export type { Placement, Role } from "./kernel-check/placement.ts";
export type { RecordField } from "./kernel-check/record-field.ts";
export { readRecordField } from "./kernel-check/record-field.ts";
export type { Refusal } from "./kernel-check/refusals.ts";
export { hintOf } from "./kernel-check/refusals.ts";
export { type TypesOfHook, typeSelectors } from "./kernel-check/type-hook.ts";
export { labelsOf, namespaceLabel, podLabels, selects } from "./label-selection.ts";
export type { Assignment } from "./language/assignment.ts";
export { budgetText, type EventBudget, parseEventBudget } from "./language/event-budget.ts";
export {
  fuseAnnotation,
  fuseText,
  mostPods,
  parseFuse,
  rearmAnnotation,
} from "./language/fuse.ts";
export { hashHooks } from "./language/hash-hooks.ts";
export type { ProbeArgument, ProbeSite } from "./language/probe-argument.ts";
export {
  algorithmsOf,
  type DigestAlgorithm,
  type ProgramPlace,
  placeText,
  programPlaceOf,
  type WantedFunction,
} from "./language/program-place.ts";
export { type RegisterName, registerOffsets, registerParts } from "./language/registers.ts";
export { limits } from "./limits.ts";
export { problemPlacer } from "./place-problems.ts";
export { filesOfHooks, placesOfHooks } from "./policy-files.ts";
export type { CheckedSet, ValueSet } from "./sets/check-value-set.ts";
export { clusterStandIns } from "./sets/cluster-stand-ins.ts";
export { type FindSet, resolveSets, type SetProblem, setsOfHooks } from "./sets/resolve-sets.ts";
export { clusterPrefix, isClusterSet } from "./sets/set-reference.ts";
export type { SetUse } from "./sets/set-uses.ts";
export { useSets } from "./sets/use-sets.ts";
