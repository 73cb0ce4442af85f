// SPDX-License-Identifier: Apache-2.0

export const namespaceOption = {
  type: "text",
  default: "",
  short: "n",
  placeholder: "NAME",
  help: "Namespace of a TracingPolicyNamespaced or GuardPolicyNamespaced.",
  flagOnly: true,
} as const;
