// SPDX-License-Identifier: Apache-2.0

/** Now, as metav1.MicroTime. For people: no decision depends on it. */
export function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
