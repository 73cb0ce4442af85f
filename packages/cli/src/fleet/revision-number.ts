// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";

/** A generation as a person types it. Throws GanderError. */
export function revisionNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new GanderError("client-bad-input", `"${text}" is not a revision of a policy`, {
    hint: "A revision is a generation such as 3: gander policy history NAME lists them.",
  });
}
