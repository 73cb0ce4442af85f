// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { type AttackValues, attackOptions } from "../attacks/attack-options.ts";
import { resultsSummary, resultsText } from "../attacks/attack-text.ts";
import { type AttackPlace, attackHere, attackInPods } from "../attacks/places.ts";
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { explainError } from "../explain-error.ts";

/** `gander attack run WHAT…`: 0 if policies or the kernel stopped or reported everything, 1 if not, 2 if nothing could be done. */
export const attackRun = defineCommand({
  command: "gander attack run",
  summary:
    "Does attacks of the policy library, so that you see your policies work: what the cases of each policy's test do that it reports or stops. They are really done, and harm nothing: they act on files and processes of their own container, or fail harmlessly (docs/attacks.md says what each one does). Says for each case whether it succeeded, was refused or killed, and which policy reported it. Exit status 0: each was refused, killed or reported. 1: one was not, or could not be done. 2: nothing could be done.",
  options: attackOptions,
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

function placeOf({ here, pod }: AttackValues): AttackPlace {
  if (here !== (pod !== "")) return here ? attackHere : attackInPods;
  throw new GanderError("client-bad-input", "Cannot attack: it is not said where", {
    hint: "Attacks are really done, so one of these must be given: --here (this machine) or --pod NAMESPACE (the cluster).",
  });
}
