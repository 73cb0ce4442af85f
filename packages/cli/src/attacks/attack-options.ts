// SPDX-License-Identifier: Apache-2.0
import type { Values } from "@gander/base";
import { clientOptions } from "../client-options.ts";
import { fleetOptions } from "../fleet/fleet-options.ts";
import { probeOptions } from "./probe-options.ts";

/** Of `gander attack run`. */
export const attackOptions = {
  here: {
    type: "boolean",
    default: false,
    help: "On this machine: each case in a throw-away container without a network, made of the machine's own file system (nothing of it is changed). Needs root. The sensor of this machine is asked for its reports.",
    group: "Where",
    flagOnly: true,
  },
  pod: {
    type: "text",
    default: "",
    placeholder: "NAMESPACE[/NAME]",
    help: "In the cluster: each attack in a pod of this namespace, named NAME-ATTACK (default: gander-attack-…) and deleted afterwards, with the labels by which its policy chooses pods. Each case is a container, as restricted as what it does allows; some need a privileged one. With --operator: the operator is asked for reports.",
    group: "Where",
    flagOnly: true,
    check: checkPod,
  },
  ...probeOptions,
  output: {
    type: "text",
    default: "text",
    values: ["text", "json"],
    short: "o",
    help: "For people, or everything as JSON.",
    flagOnly: true,
  },
  ...fleetOptions,
  ...clientOptions,
} as const;

export type AttackValues = Values<typeof attackOptions>;

function checkPod(text: string): string | undefined {
  return text === "" ||
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\/[a-z0-9]([a-z0-9-]*[a-z0-9])?)?$/.test(text)
    ? undefined
    : `"${text}" is not a namespace such as default, or a namespace and a name such as default/probe`;
}
