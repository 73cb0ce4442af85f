// SPDX-License-Identifier: Apache-2.0
import { globSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { GanderError, nearestName } from "@gander/base";
import { libraryFolder } from "../library-folder.ts";
import { loadPolicyTest } from "../load-policy-test.ts";
import { podLabelsFor } from "../pod-labels.ts";
import type { TestCase } from "../policy-test.ts";

/** What a policy of the library is there for, as something that can be done. */
export type Attack = {
  /** Of the policy. */
  readonly name: string;
  readonly pack: string;
  readonly level: string;
  readonly severity: string;
  /** MITRE ATT&CK: `T1611`. */
  readonly techniques: readonly string[];
  /** What an attacker would do, in a sentence. */
  readonly stops: string;
  /** Labels by which the policy chooses a pod. */
  readonly labels: Readonly<Record<string, string>>;
  /** Cases of the policy's test that it reports or stops. */
  readonly cases: readonly TestCase[];
};

/**
 * Those that words name (an attack, a pack, or `all`), by pack and name.
 * @throws GanderError if there is no library, if it can't be read, or for a word that names nothing in it.
 */
export function findAttacks(words: readonly string[], folder = libraryFolder()): readonly Attack[] {
  const files = globSync("*/*/gander-test.yaml", { cwd: folder }).toSorted();
  if (files.length === 0)
    throw new GanderError("client-bad-input", `Cannot find the policy library in ${folder}`, {
      hint: "It is installed beside the program: see `make install`.",
    });
  const namesOf = (file: string) => ["all", packOf(file), nameOf(file)];
  const known = files.flatMap(namesOf);
  for (const word of words) {
    if (known.includes(word)) continue;
    const near = nearestName(word, known);
    throw new GanderError("client-bad-input", `There is no attack and no pack "${word}"`, {
      hint: near === undefined ? "See `gander attack list`." : `Did you mean ${near}?`,
    });
  }
  return files
    .filter((file) => namesOf(file).some((name) => words.includes(name)))
    .map((file) => readAttack(folder, file))
    .filter(({ cases }) => cases.length > 0);
}

const nameOf = (file: string) => basename(dirname(file));
const packOf = (file: string) => dirname(dirname(file));

function readAttack(folder: string, file: string): Attack {
  const { value, problems = [] } = loadPolicyTest(join(folder, file));
  const [first] = value?.policies ?? [];
  if (value === undefined || first === undefined)
    throw new GanderError(
      "client-bad-input",
      `Cannot read ${join(folder, file)}: ${problems.map(({ message }) => message).join("; ")}`,
    );
  const { labels = {}, annotations = {} } = first.policy.metadata;
  const techniques = annotations["gander.dev/techniques"] ?? "";
  return {
    name: nameOf(file),
    pack: packOf(file),
    level: labels["gander.dev/level"] ?? "",
    severity: labels["gander.dev/severity"] ?? "",
    techniques: techniques.split(/,\s*/).filter((one) => one !== ""),
    stops: (annotations["gander.dev/stops"] ?? "").trim(),
    labels: podLabelsFor(value.policies.map(({ compiled }) => compiled)),
    cases: value.test.cases.filter((one) => one.expect !== "allowed"),
  };
}
