// SPDX-License-Identifier: Apache-2.0
export { type Companion, companionOf } from "./companion-policy.ts";
export { DistinctCalls } from "./distinct-calls.ts";
export { type Judgement, type Verdict, verdicts } from "./judge-hook.ts";
export { neverRecorded } from "./never-recorded.ts";
export { recordedCall } from "./recorded-call.ts";
export { type ReadCall, readRecording, writeRecording } from "./recording-file.ts";
export {
  type Loss,
  type NeededFact,
  type RecordedHook,
  type RecordedProcess,
  type RecordingHeader,
  type RecordingSummary,
  recordingVersion,
} from "./recording-format.ts";
export { createReplay, type Replay, type UnrecordedHook } from "./replay.ts";
