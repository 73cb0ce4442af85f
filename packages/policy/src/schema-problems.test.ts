// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { checkPolicy } from "./check-policy.ts";

const messages = (spec: string) =>
  checkPolicy(
    `apiVersion: gander.dev/v1alpha1\nkind: GuardPolicy\nmetadata: {name: tried}\nspec: ${spec}\n`,
    { file: "" },
  ).problems?.map(({ message, hint }) => `${message}. ${hint}`) ?? [];

const withSelector = (selector: string) =>
  `{lsmhooks: [{hook: bprm_check_security, selectors: [{${selector}}]}]}`;

describe("mistakes are named in the words of the policy", () => {
  it.each([
    [
      withSelector("matchParentBinaries: [{operator: In, values: [/bin/sh], ancestor: true}]"),
      'There is no field "ancestor" in an entry of matchParentBinaries. Did you mean "ancestors"?',
    ],
    [
      withSelector("matchExecEnv: [{operator: Exists, name: [A]}]"),
      'There is no field "name" in an entry of matchExecEnv. Did you mean "names"?',
    ],
    [
      withSelector("matchData: [{index: 0, values: [x]}]"),
      'The field "operator" is missing in an entry of matchData',
    ],
    ["{podSelector: {labels: {a: b}}, loader: true}", 'There is no field "labels" in podSelector'],
    [
      "{loader: true, options: [{name: event-budget, value: 10}]}",
      'value is the number 10, but must be a text. Write the events and a time for them: "1000/1m".',
    ],
    [
      withSelector(
        "matchProcess: [{property: StandardInput, operator: Matches, values: [socket]}]",
      ),
      'operator cannot be "Matches". Possible: In, NotIn.',
    ],
    [
      withSelector("matchProcess: [{property: Age, operator: Matches, values: [1s]}]"),
      'operator cannot be "Matches". Possible: In, NotIn, LT, GT.',
    ],
  ])("%s", (spec, message) =>
    expect(messages(spec)).toContainEqual(expect.stringContaining(message)),
  );
});
