// SPDX-License-Identifier: Apache-2.0
import { packaged } from "./packaged.ts";

/** The policy library: `policies/` beside an installed program, or of the source tree. */
export const libraryFolder = (): string =>
  packaged(["./policies", "../policies", "../../../policies"]);
