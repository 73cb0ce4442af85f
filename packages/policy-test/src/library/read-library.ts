// SPDX-License-Identifier: Apache-2.0
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkPolicyFile } from "@gander/policy";
import { parse } from "yaml";
import { libraryFolder } from "../library-folder.ts";
import { loadPolicyTest } from "../load-policy-test.ts";
import {
  type LibraryFacts,
  type LibraryPolicy,
  type LibrarySet,
  levels,
  severities,
} from "./library.ts";

/** Every policy of the library, sorted by pack and name. @throws Error if the library is missing, or has a mistake. */
export function readLibrary(): readonly LibraryPolicy[] {
  const folder = libraryFolder();
  const sets = globSync("*/sets.yaml", { cwd: folder }).flatMap((file) => readSets(folder, file));
  return globSync("*/*/policy.yaml", { cwd: folder })
    .toSorted()
    .map((file) => readPolicy(folder, file, sets));
}

function readSets(folder: string, file: string): readonly LibrarySet[] {
  const texts = readFileSync(join(folder, file), "utf8").split(/^---\n/m);
  return texts.map((text) => {
    const [set] = checkPolicyFile(text, { file }).value?.sets ?? [];
    if (set === undefined) throw new Error(`${file}: it has a document that is no ValueSet`);
    return { name: set.name, pack: dirname(file), values: set.values, text };
  });
}

function readPolicy(folder: string, file: string, sets: readonly LibrarySet[]): LibraryPolicy {
  const { value, problems = [] } = loadPolicyTest(join(folder, dirname(file), "gander-test.yaml"));
  const [checked] = value?.policies ?? [];
  if (value === undefined || checked === undefined)
    throw new Error(`${file}: ${problems.map(({ message }) => message).join("; ")}`);
  const exceptions = join(folder, dirname(file), "exceptions.yaml");
  const text = readFileSync(join(folder, file), "utf8");
  const used = new Set(checked.setUses?.map(({ set }) => set));
  return {
    ...factsOf(checked.policy.metadata, file),
    name: checked.compiled.name,
    file,
    text,
    object: parse(text, { merge: true }),
    checked,
    sets: sets.filter(({ name }) => used.has(name)),
    cases: value.test.cases,
    exceptions: existsSync(exceptions) ? readFileSync(exceptions, "utf8") : "",
  };
}

type Metadata = {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
};

function factsOf({ labels = {}, annotations = {} }: Metadata, file: string): LibraryFacts {
  const textAt = (texts: Readonly<Record<string, string>>, key: string): string =>
    texts[`gander.dev/${key}`] ?? fail(`has no gander.dev/${key}`);
  const fail = (message: string): never => {
    throw new Error(`${file} ${message}`);
  };
  const wordOf = <T extends string>(key: string, words: readonly T[]): T => {
    const text = textAt(labels, key);
    return words.find((one) => one === text) ?? fail(`has a gander.dev/${key} that is none`);
  };
  return {
    pack: textAt(labels, "pack"),
    level: wordOf("level", levels),
    severity: wordOf("severity", severities),
    techniques: textAt(annotations, "techniques").split(", "),
    stops: textAt(annotations, "stops"),
    falsePositives: textAt(annotations, "false-positives"),
    eventsAnHour: Number(textAt(annotations, "events-an-hour")),
  };
}
