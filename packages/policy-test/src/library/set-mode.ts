// SPDX-License-Identifier: Apache-2.0

export const modes = ["enforce", "monitor"] as const;
export type Mode = (typeof modes)[number];

/** The text of a policy of the library so that it only reports; comments and everything else stay. */
export const inMode = (text: string, mode: Mode): string =>
  mode === "enforce"
    ? text
    : text.replace(/^spec:\n/m, "spec:\n  options:\n    - { name: policy-mode, value: monitor }\n");
