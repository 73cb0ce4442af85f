// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Built by `scripts/setup cluster`; tests that need it are skipped without it. */
export const helm =
  process.env.GANDER_HELM ?? join(process.env.GANDER_CACHE ?? "/nowhere", "cluster/bin/helm");

export const hasHelm = existsSync(helm);
