// SPDX-License-Identifier: Apache-2.0
import type { Fuse } from "@gander/policy";

/** The fuse of a policy in force, with its number in the kernel. */
export type InstalledFuse = Fuse & { readonly number: number };
