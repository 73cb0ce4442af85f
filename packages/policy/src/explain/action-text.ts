// SPDX-License-Identifier: Apache-2.0
import { actionRow } from "@gander/crd-schemas";
import type { CompiledAction, OverrideAction } from "../compiled-policy.ts";
import { assignmentText } from "../language/assignment.ts";
import { placeText } from "../language/program-place.ts";
import { quote } from "../language/values.ts";
import { errorName, markText, signalName } from "./mark-text.ts";
import { words } from "./words.ts";

export type ActionContext = {
  /** The call has been carried out. */
  readonly atReturn: boolean;
  /** False: the mode lets it only report. */
  readonly enforces: boolean;
  /** The hook can deny the call. */
  readonly decides: boolean;
  /** The hook is a function of a program. */
  readonly ofProgram: boolean;
};

/** What an action does; nothing for those that only shape the event. */
export function actionText(action: CompiledAction, context: ActionContext): readonly string[] {
  const { says } = actionRow(action.action);
  switch (action.action) {
    case "post":
    case "no-post":
      return [];
    case "sigkill":
      return [enforced(killText(context), context)];
    case "signal":
      return [enforced(`the process gets signal ${signalName(action.signal)}`, context)];
    case "override":
      return [enforced(overrideText(action, context), context)];
    case "notify-enforcer":
      return [
        enforced(
          `the system call is marked for its enforcer with ${words(markText(action), "and")}`,
          context,
        ),
      ];
    case "set":
      return [
        enforced(
          `argument ${action.argument} becomes ${action.value}, in the memory of the process`,
          context,
        ),
      ];
    case "cleanup-enforcer-notification":
    case "track-sock":
    case "untrack-sock":
      return [says];
    case "get-url":
      return [`the sensor fetches ${quote(action.url)}, if its configuration allows that`];
    case "dns-lookup":
      return [
        `the sensor asks for the name ${quote(action.name)}, if its configuration allows that`,
      ];
    default:
      // An action that nothing is known of but its row in the table.
      return [enforced(says, context)];
  }
}

function overrideText({ error, registers, place }: OverrideAction, context: ActionContext): string {
  if (place !== undefined)
    return `${quote(placeText(place))} of the same file runs instead of the function`;
  if (registers !== undefined)
    return `the function begins with other registers: ${registers.map(assignmentText).join(", ")}`;
  return context.ofProgram
    ? `the function is not run: it returns ${error}`
    : `the call is denied: it returns ${errorName(error ?? 0)}`;
}

function killText({ atReturn, decides }: ActionContext): string {
  if (atReturn) return "the process is killed, after the call was carried out";
  return decides
    ? "the call is denied and the process is killed"
    : "the process is killed; the call in progress may still be carried out";
}

const enforced = (text: string, { enforces }: ActionContext): string =>
  enforces ? text : `nothing is stopped in this mode (with mode enforce: ${text})`;
