// SPDX-License-Identifier: Apache-2.0
import type { Values } from "@gander/base";

/** Of commands that do something in pods of the cluster. */
export const probeOptions = {
  image: {
    type: "text",
    default: "",
    placeholder: "IMAGE",
    help: "Image of the pods: the sensor's, or one that is made from it. Default: what the sensors of the cluster run.",
    group: "Pods",
    flagOnly: true,
  },
  node: {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "The node of the pods; default: any.",
    group: "Pods",
    flagOnly: true,
  },
  settle: {
    type: "duration",
    default: 10_000,
    min: 0,
    help: "How long a pod waits before it acts, until policies are in force for it.",
    group: "Pods",
    flagOnly: true,
  },
  "pod-timeout": {
    type: "duration",
    default: 180_000,
    min: 1000,
    help: "How long a pod may take to start and to end.",
    group: "Pods",
    flagOnly: true,
  },
} as const;

export type ProbeValues = Values<typeof probeOptions>;
