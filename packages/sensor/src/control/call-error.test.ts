// SPDX-License-Identifier: Apache-2.0
import type { Problem } from "@gander/base";
import { describe, expect, it } from "vitest";
import { problemsError, toCallError } from "./call-error.ts";

const problem = (message: string, over: Partial<Problem> = {}): Problem => ({
  ...{ file: "", path: "", line: 3, column: 5, code: "policy-rule", hint: "", severity: "error" },
  message,
  ...over,
});

describe("problemsError", () => {
  it("names all problems with their places, and warnings only where nothing is wrong", () => {
    const warning = problem("odd", { severity: "warning" });
    const problems = [problem("wrong", { hint: "Write it right." }), warning, problem("bad")];
    expect(problemsError(problems, 3)).toMatchObject({
      code: 3,
      details: "3:5: wrong (Write it right)\n3:5: bad",
    });
  });

  const refused = (path: string, reason: string, hint = "") =>
    problem(`Cannot load policy "p": ${reason}`, { line: 0, column: 0, path, hint });

  it("says once what is the same", () => {
    const twice = refused("spec.kprobes[0]", "this kernel has no function a", "Leave it out.");
    expect(problemsError([twice, twice], 3).details).toBe(
      'Cannot load policy "p": spec.kprobes[0]: this kernel has no function a (Leave it out)',
    );
    expect(
      problemsError([twice, twice, refused("spec.podSelector", "spec.podSelector selects")], 3)
        .details,
    ).toBe(
      'Cannot load policy "p":\n  spec.kprobes[0]: this kernel has no function a (Leave it out)\n  spec.podSelector selects',
    );
  });

  it.each(["\n", "ä", "%", "😀", "x"])("fits into a header, full of %j", (character) => {
    const { details } = problemsError([problem(character.repeat(20_000))], 3);
    expect(encodeURI(details).length).toBeLessThan(7_200);
    expect(details.length).toBeGreaterThan(500);
    expect(details.endsWith("\n… and more")).toBe(true);
    expect(details.isWellFormed()).toBe(true);
  });
});

describe("toCallError", () => {
  it("calls what nobody foresaw INTERNAL", () => {
    expect(toCallError(new Error("oh"))).toMatchObject({ code: 13, details: "oh" });
  });
});
