// SPDX-License-Identifier: Apache-2.0
import type { AttachFacts, NamespaceName } from "@gander/policy";
import type { TracepointFormat } from "./tracepoint-format.ts";

/** Of the kernel that runs here: what decides about policies, and what their tables are filled with. */
export interface PlanFacts extends AttachFacts {
  tracepointFormat(subsystem: string, event: string): TracepointFormat | undefined;
  /** Inode number of the namespace of process 1. */
  hostNamespace(name: NamespaceName): bigint;
}
