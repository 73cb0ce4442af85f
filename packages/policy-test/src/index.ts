// SPDX-License-Identifier: Apache-2.0

export { actProgram } from "./act-program.ts";
export { type CaseResult, casePart, type Decision, type Engine } from "./case-result.ts";
export { libraryFolder } from "./library-folder.ts";
export { type LoadedTest, loadPolicyTest } from "./load-policy-test.ts";
export { type Operation, type OperationName, operations } from "./operations.ts";
export { podLabelsFor } from "./pod-labels.ts";
export {
  type PolicyTest,
  readPolicyTest,
  type TestCase,
  type Verdict,
  verdicts,
} from "./policy-test.ts";
