// SPDX-License-Identifier: Apache-2.0

export { type AttackResult, isNoticed, type Report } from "./attack-result.ts";
export { effects } from "./effects.ts";
export { type Attack, findAttacks } from "./find-attacks.ts";
export { runHere } from "./run-here.ts";
export { type PodsOptions, runInPods } from "./run-in-pods.ts";
export type { ProbeAccess } from "./run-probe.ts";
export { type EventSource, type Reports, watchReports } from "./watch-reports.ts";
