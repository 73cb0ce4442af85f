// SPDX-License-Identifier: Apache-2.0
import type { Target } from "../src/target.ts";
import { cel, labels, regex } from "./filters.ts";
import { eventLines, ociConfig, review, sessionReview } from "./json.ts";
import { btf, kernelLists, tracepointFormat } from "./kernels.ts";
import { paths } from "./paths.ts";
import { programs } from "./programs.ts";
import { eventRequest, policyBytes, stream } from "./wire.ts";
import { yaml } from "./yaml.ts";

export const targets: readonly Target[] = [
  ...[yaml, cel, regex, labels, eventRequest, stream, policyBytes, btf, kernelLists],
  ...[tracepointFormat, programs, eventLines, ociConfig, review, sessionReview],
];

/** Programs of their own: they need a process for each input, so tests run only their seeds. */
export const nativeTargets: readonly Target[] = [paths];
