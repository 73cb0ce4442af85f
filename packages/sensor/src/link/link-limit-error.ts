// SPDX-License-Identifier: Apache-2.0
/** A rule doesn't fit into the tables; everything that was in force stays so. */
export class LinkLimitError extends Error {
  override readonly name = "LinkLimitError";
}
