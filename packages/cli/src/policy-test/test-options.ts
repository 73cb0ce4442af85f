// SPDX-License-Identifier: Apache-2.0
import type { Values } from "@gander/base";
import { probeOptions } from "../attacks/probe-options.ts";
import { reportFormats } from "../check/report-formats.ts";
import { fleetTimeout, onlyFleetOptions } from "../fleet/fleet-options.ts";

/** Of `gander policy test`. */
export const testOptions = {
  output: {
    type: "text",
    default: "text",
    values: Object.keys(reportFormats),
    short: "o",
    help: "text is for people, json has everything; github: annotations in a GitHub workflow, sarif: a log for code scanning (SARIF 2.1.0), junit: a test report (XML).",
    flagOnly: true,
  },
  run: {
    type: "text",
    default: "",
    placeholder: "PATTERN",
    help: "Only cases whose name fits this regular expression; a name is TEST/CASE.",
    flagOnly: true,
  },
  "allow-undecided": {
    type: "boolean",
    default: false,
    help: "A case that can't be decided does not make the exit status 1.",
    flagOnly: true,
  },
  init: {
    type: "boolean",
    default: false,
    help: "PATH… are policies: write a first gander-test.yaml beside each. What its cases expect is what they do now: read them.",
    flagOnly: true,
  },
  quiet: {
    type: "boolean",
    default: false,
    short: "q",
    help: "Print only cases that do not end as expected, or end otherwise than without a kernel.",
    flagOnly: true,
  },
  kernel: {
    type: "text",
    default: "none",
    values: ["none", "live", "vm"],
    help: "Where the cases are decided. none: by the model, on any machine. live: each is really done on this machine, in a container of its own; this needs root and what a sensor needs, and does not affect a sensor that runs here. vm: the same in a virtual machine that is thrown away; this needs QEMU and a kernel, and no root.",
    group: "Where",
    flagOnly: true,
  },
  "vm-kernel": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "With --kernel vm: the kernel (vmlinuz), with its modules as its package has them. Default: that of this machine, from /boot.",
    group: "Where",
    flagOnly: true,
  },
  "vm-timeout": {
    type: "duration",
    default: 1_800_000,
    min: 1000,
    help: "How long the virtual machine may take for all tests.",
    group: "Where",
    flagOnly: true,
  },
  cluster: {
    type: "text",
    default: "",
    placeholder: "NAMESPACE",
    help: "Each case is really done in a cluster that has Gander: in a pod of this namespace, which is deleted afterwards, under copies of the policies for this pod alone, in mode monitor. The operator is asked what they reported.",
    group: "Where",
    flagOnly: true,
    check: checkNamespace,
  },
  ...probeOptions,
  ...onlyFleetOptions,
  timeout: fleetTimeout,
} as const;

export type TestValues = Values<typeof testOptions>;

function checkNamespace(text: string): string | undefined {
  return text === "" || /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text)
    ? undefined
    : `"${text}" is not a namespace such as default`;
}
