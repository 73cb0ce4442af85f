// SPDX-License-Identifier: Apache-2.0
/** A rule doesn't fit into the tables; everything in force stays in force. */
export class LinkLimitError extends Error {
  override readonly name = "LinkLimitError";
}
