// SPDX-License-Identifier: Apache-2.0
import { native } from "./native.ts";

/**
 * Gives memory that libbpf has used and freed back to the machine: after many objects were loaded
 * that can be tens of megabytes, which the C library would keep (malloc_trim(3); nothing with others
 * than glibc). Takes about a millisecond.
 */
export function trimMemory(): void {
  native().memoryTrim();
}
