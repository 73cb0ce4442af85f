// SPDX-License-Identifier: Apache-2.0
import type { CheckedPolicy } from "@gander/policy";
import type { TestCase } from "../policy-test.ts";

/** How far a policy may go, by itself. */
export const levels = ["observe", "guard", "strict"] as const;
export type Level = (typeof levels)[number];

export const severities = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof severities)[number];

/** What a policy says of itself: labels and annotations `gander.dev/…`. */
export type LibraryFacts = {
  readonly pack: string;
  readonly level: Level;
  readonly severity: Severity;
  /** Of MITRE ATT&CK: `T1611`, `T1059.004`. */
  readonly techniques: readonly string[];
  readonly stops: string;
  readonly falsePositives: string;
  /** On a busy node, about. */
  readonly eventsAnHour: number;
};

export type LibraryPolicy = LibraryFacts & {
  readonly name: string;
  /** Below the folder of the library: `network/mining/policy.yaml`. */
  readonly file: string;
  /** As it is written, with its comments. */
  readonly text: string;
  /** The same as an object, as Kubernetes reads it. */
  readonly object: Readonly<Record<string, unknown>>;
  /** With the values of its sets. */
  readonly checked: CheckedPolicy;
  /** The library's sets that it names. */
  readonly sets: readonly LibrarySet[];
  readonly cases: readonly TestCase[];
  /** PolicyExceptions for what is usually meant, to be changed to the names of a cluster; empty: none. */
  readonly exceptions: string;
};

/** A ValueSet of the library. */
export type LibrarySet = {
  readonly name: string;
  readonly pack: string;
  readonly values: readonly string[];
  readonly text: string;
};

/** Where techniques are described. */
export const techniqueUrl = (technique: string): string =>
  `https://attack.mitre.org/techniques/${technique.replace(".", "/")}/`;

/** The words that choose policies: each level, pack and policy. */
export const selectionWords = (all: readonly LibraryPolicy[]): readonly string[] => [
  ...new Set([...levels, ...all.map(({ pack }) => pack), ...all.map(({ name }) => name)]),
];
