// SPDX-License-Identifier: Apache-2.0
export type { Finding, Path } from "./check-schema.ts";
export {
  checkPolicyExceptionSchema,
  checkPolicyStatusSchema,
  checkTracingPolicySchema,
  checkTracingPolicyStatusSchema,
  schemaAt,
} from "./check-schema.ts";
export type {
  ArgSpec,
  KProbeSpec,
  LsmHookSpec,
  TracepointSpec,
  UprobeSpec,
  UsdtSpec,
} from "./hook-schemas.ts";
export type { Kind } from "./kinds.ts";
export { kinds, resourceOf } from "./kinds.ts";
export type { LabelSelectorSpec } from "./label-selector.ts";
export type {
  ActionForm,
  ActionRow,
  PlainActionWord,
  SocketActionWord,
} from "./language/actions.ts";
export {
  actionRow,
  actionRows,
  actionsByName,
  actionsWith,
  requestKinds,
} from "./language/actions.ts";
export type {
  OperatorKind,
  OperatorRow,
  TestForm,
  TestName,
} from "./language/arg-operators.ts";
export {
  argOperatorsByName,
  argTests,
  boundTest,
  expressionOperator,
  operatorFits,
  operatorsFor,
  operatorText,
  testsOf,
  textOperatorNames,
} from "./language/arg-operators.ts";
export type { ArgType, ArgTypeRow, MessageArgType, ValueNames } from "./language/arg-types.ts";
export {
  argTypeRows,
  argTypesByName,
  insteadOfArgType,
  returnedTypes,
  typeRow,
} from "./language/arg-types.ts";
export type { HookEvent, HookKind } from "./language/hook-kinds.ts";
export {
  hookKindNames,
  hookKinds,
  hookSections,
  isHookEvent,
} from "./language/hook-kinds.ts";
export type { OriginWord } from "./language/origins.ts";
export {
  originNumbers,
  originPlaces,
  originTexts,
  originUnlinked,
  originWords,
} from "./language/origins.ts";
export type { ProcessProperty } from "./language/process-properties.ts";
export {
  processProperties,
  processPropertyNames,
  propertyForms,
} from "./language/process-properties.ts";
export { languageLimits } from "./language-limits.ts";
export type {
  ExceptedBinariesSpec,
  ExceptedPathsSpec,
  ExceptionKind,
  PolicyException,
  PolicyExceptionSpec,
} from "./policy-exception.ts";
export {
  exceptionKinds,
  isExceptionKind,
  namespacedExceptionsAnnotation,
  policyExceptionSchema,
  unwrittenReason,
} from "./policy-exception.ts";
export type { PolicyKind } from "./policy-kinds.ts";
export {
  apiVersions,
  guardKindOf,
  isGuardKind,
  isNamespacedKind,
  isPolicyKind,
  policyKindNames,
} from "./policy-kinds.ts";
export type {
  Condition,
  ConditionType,
  ExceptionState,
  NodeProblem,
  NodeState,
  PolicyCondition,
  PolicyStatus,
  PolicyStatusStatus,
  TracingPolicyStatus,
} from "./policy-status.ts";
export {
  conditionTypes,
  exceptionStates,
  messageLimit,
  nodeStates,
  shownExceptionsLimit,
  worstNodesLimit,
} from "./policy-status.ts";
export type { Fields, Rule, Schema } from "./schema.ts";
export { publicValues } from "./schema.ts";
export type {
  ActionSpec,
  ArgSelectorSpec,
  BinarySelectorSpec,
  CapabilitiesSelectorSpec,
  CountSelectorSpec,
  ExecArgSelectorSpec,
  ExecEnvSelectorSpec,
  NamespaceChangesSelectorSpec,
  NamespaceSelectorSpec,
  ParentBinarySelectorSpec,
  PidSelectorSpec,
  ProcessSelectorSpec,
  SelectorSpec,
} from "./selector-schema.ts";
export { namespaceNames } from "./selector-schema.ts";
export type { TracingPolicy, TracingPolicySpec } from "./tracing-policy.ts";
export { tracingPolicySchema } from "./tracing-policy.ts";
export { setPrefix, valueSetKind } from "./value-set.ts";
