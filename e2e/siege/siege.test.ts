// SPDX-License-Identifier: Apache-2.0

import { checkPolicy } from "@gander/policy";
import { describe, expect, test } from "vitest";
import { guardsFor } from "./guards.ts";
import { otherPolicy } from "./other-policies.ts";
import { describeAct, planStep, type Step } from "./plan.ts";
import { randomOf } from "./random.ts";
import { menu } from "./siege.ts";
import { finalTable, newTally } from "./tally.ts";

const inWords = ({ acts, ...step }: Step) =>
  JSON.stringify({ ...step, acts: acts.map(describeAct) });
const stepsOf = (seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => planStep(seed, i + 1, menu));

describe("the plan of a siege", () => {
  test("the same seed plans the same steps, another seed others", () => {
    const [first, again, other] = [stepsOf(7, 30), stepsOf(7, 30), stepsOf(8, 30)].map((steps) =>
      steps.map(inWords),
    );
    expect(again).toEqual(first);
    expect(other?.filter((step, i) => step === first?.[i])).toEqual([]);
  });

  test("a step does not depend on the steps before it", () => {
    expect(inWords(planStep(7, 25, menu))).toBe(stepsOf(7, 25).map(inWords).at(-1));
  });

  test("an hour has room for every row", () => {
    const steps = stepsOf(1, 400);
    const used = new Set(steps.flatMap(({ event, load }) => [`event ${event}`, `load ${load}`]));
    for (const { name } of menu.events) expect(used).toContain(`event ${name}`);
    for (const { name } of menu.loads) expect(used).toContain(`load ${name}`);
    const attacked = new Set(
      steps.flatMap(({ acts }) =>
        acts.filter(({ side }) => side === "attack").map(({ deed }) => deed.name),
      ),
    );
    const missing = menu.deeds.filter(
      ({ name, outOfReach }) => outOfReach !== true && !attacked.has(name),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});

describe("policies of a siege", () => {
  for (const kernel of ["6.1", "6.12"])
    for (const guard of guardsFor(kernel))
      test(`${guard.name} for ${kernel} is right in all its versions`, () => {
        for (const version of [0, 1, 96, 97, 100_003])
          expect(checkPolicy(guard.text(version), { file: "x" }).problems).toBeUndefined();
        expect(guard.text(1)).not.toBe(guard.text(2));
      });

  test("the others are right as well", () => {
    for (let seed = 0; seed < 50; seed++)
      expect(checkPolicy(otherPolicy("x", randomOf(seed)), { file: "x" }).problems).toBeUndefined();
  });
});

test("the table at the end names violations and how to repeat them", () => {
  const tally = { ...newTally(), step: 9, violations: [{ step: 9, what: "it was done" }] };
  expect(finalTable(tally, "make siege SEED=5")).toMatch(
    /violations +1\nviolation in step 9: it was done\nrepeat: make siege SEED=5$/,
  );
});
