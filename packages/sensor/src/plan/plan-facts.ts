// SPDX-License-Identifier: Apache-2.0
import type { AttachFacts, NamespaceName } from "@gander/policy";
import type { TracepointFormat } from "./tracepoint-format.ts";

/** Facts of the running kernel that decide about policies, or that their tables contain. */
export interface PlanFacts extends AttachFacts {
  tracepointFormat(subsystem: string, event: string): TracepointFormat | undefined;
  /** Inode number of the namespace of process 1. */
  hostNamespace(name: NamespaceName): bigint;
}
