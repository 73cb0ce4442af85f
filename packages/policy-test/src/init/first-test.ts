// SPDX-License-Identifier: Apache-2.0
import type { CompiledPolicy } from "@gander/policy";
import { Document } from "yaml";
import type { CaseResult, Decision } from "../case-result.ts";
import type { TestCase } from "../policy-test.ts";
import { hooksOf } from "../reference/policy-rules.ts";
import { runReference } from "../reference/reference-engine.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { samplesOf } from "./filter-samples.ts";

export type FirstTest = {
  readonly text: string;
  readonly cases: number;
  /** Selectors for which no case was found: `spec.kprobes[0], selector 1`. */
  readonly missing: readonly string[];
};

type Wanted = {
  /** Names the test. */
  readonly name: string;
  /** The files that it tries, relative to it. */
  readonly files: readonly string[];
  /** Of the cluster's sets: what they have in the test. */
  readonly sets: Readonly<Record<string, readonly string[]>>;
};

/**
 * A first test of policies: for each selector a case that it matches, and one beside it that is allowed. Candidates
 * are made from the values of the filters; which are of use, the reference engine says.
 */
export function firstTest(policies: readonly CompiledPolicy[], wanted: Wanted): FirstTest {
  const pairs = policies.flatMap((policy) =>
    candidatesFor(hooksOf(policy), samplesOf(policy), policy).map(({ matching, near }) => ({
      matching: tried(matching, policies),
      near: near && tried(near, policies),
    })),
  );
  const chosen = new Map<string, Tried>();
  const missing: string[] = [];
  for (const selector of selectorsOf(policies)) {
    const found = pairs.find(({ matching: { result } }) => isDecidedBy(result.decision, selector));
    if (found === undefined) missing.push(`${selector.entry}, selector ${selector.selector}`);
    else keep(chosen, found.matching);
    const near = [found?.near, ...pairs.map((pair) => pair.near ?? pair.matching)].find(
      (one) => one?.result.verdict === "allowed",
    );
    if (near) keep(chosen, near);
  }
  const cases = [...chosen.values()].toSorted((a, b) => rank(a) - rank(b));
  return { text: textOf(cases, missing, wanted), cases: cases.length, missing };
}

type Tried = { readonly one: Candidate; readonly result: CaseResult };

function tried(one: Candidate, policies: readonly CompiledPolicy[]): Tried {
  const whole: TestCase = {
    ...one,
    name: "",
    mounts: {},
    given: [],
    expect: "allowed",
    line: 0,
  };
  const [result] = runReference([whole], policies);
  if (result === undefined) throw new Error("a case has no result");
  return { one, result };
}

function keep(chosen: Map<string, Tried>, one: Tried): void {
  const name = nameOf(one.one);
  if (!chosen.has(name)) chosen.set(name, one);
}

const nameOf = ({ do: { name, args }, by }: Candidate): string =>
  [name, ...args, ...(by === undefined ? [] : [`by ${by}`])].join(" ");

/** What is stopped comes first. */
const rank = ({ result }: Tried): number => (result.verdict === "allowed" ? 1 : 0);

function selectorsOf(policies: readonly CompiledPolicy[]): readonly Omit<Decision, "hook">[] {
  return policies.flatMap(({ name, namespace, hooks }) =>
    hooks.flatMap(({ path, selectors }) =>
      selectors.map(({ index }) => ({
        policy: namespace === "" ? name : `${namespace}/${name}`,
        ...{ entry: path, selector: index },
      })),
    ),
  );
}

const isDecidedBy = (decision: Decision | undefined, wanted: Omit<Decision, "hook">): boolean =>
  decision?.policy === wanted.policy &&
  decision.entry === wanted.entry &&
  decision.selector === wanted.selector;

function textOf(cases: readonly Tried[], missing: readonly string[], wanted: Wanted): string {
  const document = new Document({
    apiVersion: "gander.dev/v1alpha1",
    kind: "PolicyTest",
    metadata: { name: wanted.name },
    policies: wanted.files,
    ...(Object.keys(wanted.sets).length > 0 ? { sets: wanted.sets } : {}),
    cases: cases.map(({ one, result }) => ({
      name: nameOf(one),
      ...(Object.keys(one.files).length > 0 ? { files: one.files } : {}),
      ...(Object.keys(one.modes).length > 0 ? { modes: one.modes } : {}),
      ...(Object.keys(one.volumes).length > 0 ? { volumes: one.volumes } : {}),
      ...(one.by === undefined ? {} : { by: one.by }),
      do: { [one.do.name]: one.do.args.length === 1 ? one.do.args[0] : one.do.args },
      expect: result.verdict,
    })),
  });
  document.commentBefore = [
    " A first test: each `expect` is what the policy does now. Is it what you mean?",
    ...missing.map((selector) => ` No case was found for ${selector}: write one.`),
  ].join("\n");
  return document.toString({ lineWidth: 100 });
}
