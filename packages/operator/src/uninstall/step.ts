// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import type { KubeClient } from "@gander/kube";

/** What the steps of an uninstallation share. */
export type Uninstall = {
  readonly client: KubeClient;
  readonly logger: Logger;
  /** Of operator and sensors. */
  readonly namespace: string;
  /** Monotonic, as `performance.now()`: when waiting fails. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
};
