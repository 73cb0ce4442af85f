// SPDX-License-Identifier: Apache-2.0
import type { Engine } from "@gander/policy-test";

/** How the cases of tests are decided, by the value of `--kernel`. */
export const engines: Readonly<Record<string, () => Promise<Engine>>> = {
  none: async () => (await import("@gander/policy-test/reference")).referenceEngine,
  live: async () => (await import("@gander/policy-test/live")).startLiveEngine(),
};
