// SPDX-License-Identifier: Apache-2.0
import { MetricReader } from "@opentelemetry/sdk-metrics";

/** Collects when asked, and does nothing by itself. */
export class PullReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}
