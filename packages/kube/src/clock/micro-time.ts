// SPDX-License-Identifier: Apache-2.0

/** Now, in the form of metav1.MicroTime. For people: no decision is made by it. */
export function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
