// SPDX-License-Identifier: Apache-2.0
import { GanderError, type Values } from "@gander/base";
import type { Attack, AttackResult } from "@gander/policy-test/attacks";
import { resultsSummary, resultsText } from "../attacks/attack-text.ts";
import { attackHere, attackInPods } from "../attacks/places.ts";
import { clientOptions } from "../client-options.ts";
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { explainError } from "../explain-error.ts";
import { fleetOptions } from "../fleet/fleet-options.ts";
import type { Io } from "../io.ts";

const options = {
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
  image: {
    type: "text",
    default: "",
    placeholder: "IMAGE",
    help: "Image of the pods: the sensor's, or one that is made from it. Default: what the sensors of the cluster run.",
    group: "Where",
    flagOnly: true,
  },
  node: {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "The node of the pods; default: any.",
    group: "Where",
    flagOnly: true,
  },
  settle: {
    type: "duration",
    default: 10_000,
    min: 0,
    help: "How long a pod waits before it attacks, until policies are in force for it.",
    group: "Where",
    flagOnly: true,
  },
  "pod-timeout": {
    type: "duration",
    default: 180_000,
    min: 1000,
    help: "How long a pod may take to start and to end.",
    group: "Where",
    flagOnly: true,
  },
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

export type AttackValues = Values<typeof options>;

/** `gander attack run WHAT…`: 0 if policies or the kernel stopped or reported everything, 1 if not, 2 if nothing could be done. */
export const attackRun = defineCommand({
  command: "gander attack run",
  summary:
    "Does attacks of the policy library, so that you see your policies work: what the cases of each policy's test do that it reports or stops. They are really done, and harm nothing: they act on files and processes of their own container, or fail harmlessly (docs/attacks.md says what each one does). Says for each case whether it succeeded, was refused or killed, and which policy reported it. Exit status 0: each was refused, killed or reported. 1: one was not, or could not be done. 2: nothing could be done.",
  options,
  positionals: {
    placeholder: "NAME|PACK|all",
    help: "Names of attacks or packs, see gander attack list.",
    min: 1,
    max: 1000,
  },
  examples: [
    "sudo gander attack run container-escape --here",
    "gander attack run reverse-shells --pod default",
    "gander attack run all --pod attacks --operator 127.0.0.1:8444 -o json",
  ],
  run: async ({ values, positionals }, io) => {
    try {
      const { findAttacks, isNoticed } = await import("@gander/policy-test/attacks");
      const where = placeOf(values);
      const attacks = findAttacks(positionals);
      const { results, hasSensor } = await where(attacks, values, io);
      io.stdout.write(
        values.output === "json"
          ? `${terminalSafeJson(JSON.stringify({ sensorAsked: hasSensor, results }, null, 2))}\n`
          : `${resultsText(results, hasSensor)}${resultsSummary(results, hasSensor)}`,
      );
      return results.every(isNoticed) ? 0 : 1;
    } catch (error) {
      // Given up in the middle: nothing is known.
      if (io.signal.aborted) return 2;
      if (!(error instanceof GanderError)) throw error;
      io.stderr.write(`${explainError(error)}\n`);
      return 2;
    }
  },
});

export type AttackPlace = (
  attacks: readonly Attack[],
  values: AttackValues,
  io: Io,
) => Promise<{ readonly results: readonly AttackResult[]; readonly hasSensor: boolean }>;

function placeOf({ here, pod }: AttackValues): AttackPlace {
  if (here !== (pod !== "")) return here ? attackHere : attackInPods;
  throw new GanderError("client-bad-input", "Cannot attack: it is not said where", {
    hint: "Attacks are really done, so one of these must be given: --here (this machine) or --pod NAMESPACE (the cluster).",
  });
}

function checkPod(text: string): string | undefined {
  return text === "" ||
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\/[a-z0-9]([a-z0-9-]*[a-z0-9])?)?$/.test(text)
    ? undefined
    : `"${text}" is not a namespace such as default, or a namespace and a name such as default/probe`;
}
