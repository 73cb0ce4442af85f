// SPDX-License-Identifier: Apache-2.0

export type { LineConsumer } from "../export/json-exporter.ts";
export { eventKernel } from "./event-kernel.ts";
export { createEventPipeline, type EventPipelineOptions } from "./event-pipeline.ts";
