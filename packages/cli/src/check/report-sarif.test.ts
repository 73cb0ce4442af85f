// SPDX-License-Identifier: Apache-2.0

import { join } from "node:path";
import { Ajv } from "ajv";
import type { Log } from "sarif";
import { describe, expect, it } from "vitest";
import { check, GOOD, HOSTILE_NAME, HOSTILE_POLICY, repository } from "./test-check.ts";

const text = { type: "string", minLength: 1 };
const object = (required: readonly string[], properties: Readonly<Record<string, unknown>>) => ({
  type: "object",
  required,
  properties,
  additionalProperties: false,
});
const list = (items: unknown) => ({ type: "array", items, minItems: 0 });
const message = object(["text"], { text });
const location = object(["physicalLocation"], {
  physicalLocation: object(["artifactLocation"], {
    artifactLocation: object(["uri"], {
      uri: { type: "string", pattern: "^[\\w.~!*'()%/:-]+$" },
      uriBaseId: text,
    }),
    region: object(["startLine", "startColumn"], {
      startLine: { type: "integer", minimum: 1 },
      startColumn: { type: "integer", minimum: 1 },
    }),
  }),
});
const level = { enum: ["none", "note", "warning", "error"] };

/** The part of SARIF 2.1.0 that is written, with its rules: sections 3.13 to 3.49 of the standard. */
const validate = new Ajv({ allErrors: true }).compile(
  object(["version", "runs"], {
    $schema: text,
    version: { const: "2.1.0" },
    runs: list(
      object(["tool", "results"], {
        tool: object(["driver"], {
          driver: object(["name", "rules"], {
            name: text,
            semanticVersion: { type: "string", pattern: "^\\d+\\.\\d+\\.\\d+" },
            rules: {
              ...list(
                object(["id", "shortDescription", "help"], {
                  id: text,
                  shortDescription: message,
                  help: object(["text", "markdown"], { text, markdown: text }),
                }),
              ),
              uniqueItems: true,
            },
          }),
        }),
        columnKind: { enum: ["utf16CodeUnits", "unicodeCodePoints"] },
        originalUriBaseIds: { additionalProperties: object(["uri"], { uri: text }) },
        invocations: list(
          object(["executionSuccessful"], {
            executionSuccessful: { type: "boolean" },
            toolExecutionNotifications: list(
              object(["message"], { message, level, locations: list(location) }),
            ),
          }),
        ),
        results: list(
          object(["ruleId", "message", "locations"], {
            ruleId: text,
            ruleIndex: { type: "integer", minimum: 0 },
            level,
            message,
            locations: list(location),
            partialFingerprints: { type: "object", additionalProperties: text },
          }),
        ),
      }),
    ),
  }),
);

async function sarif(args: readonly string[], stdin = "", root = "") {
  const { status, out } = await check(["-o", "sarif", ...args], stdin, root);
  const log = JSON.parse(out) as Log;
  expect(validate(log), JSON.stringify(validate.errors)).toBe(true);
  const [run] = log.runs;
  if (run === undefined) throw new Error("There is no run");
  for (const { ruleId, ruleIndex = -1 } of run.results ?? [])
    expect(run.tool.driver.rules?.[ruleIndex]?.id).toBe(ruleId);
  return { status, run, results: run.results ?? [], out };
}

const BROKEN = GOOD.replace("Equal", "Equl").replace("type: int", "type: itn");

describe("-o sarif", () => {
  it("gives places, rules and what to do", async () => {
    using repo = repository({ "p/ü b.yaml": BROKEN, "p/good.yaml": GOOD });
    const { status, run, results } = await sarif([join(repo.root, "p")], "", repo.root);
    expect(status).toBe(1);
    expect(run.tool.driver.rules?.map(({ id }) => id)).toEqual(["policy-unknown-value"]);
    expect(
      results.map(({ level, locations }) => [level, locations?.[0]?.physicalLocation]),
    ).toEqual(
      [11, 17].map((startLine) => [
        "error",
        {
          artifactLocation: { uri: "p/%C3%BC%20b.yaml", uriBaseId: "%SRCROOT%" },
          region: { startLine, startColumn: expect.any(Number) },
        },
      ]),
    );
    expect(results[1]?.message.text).toContain('Did you mean "Equal"?');
  });

  it("knows a finding again when lines before it change, and apart from its like", async () => {
    const prints = async (source: string) =>
      (await sarif(["-"], source)).results.map(({ partialFingerprints }) => partialFingerprints);
    const before = await prints(BROKEN);
    expect(await prints(`# a comment\n\n${BROKEN}`)).toEqual(before);
    const twice = await prints(`${BROKEN}---\n${BROKEN.replace("good", "better")}`);
    expect(new Set(twice.map((print) => JSON.stringify(print))).size).toBe(4);
    expect(twice.slice(0, 2)).toEqual(before);
  });

  it("says that it could not look at a file", async () => {
    const { status, run, results } = await sarif(["/no where.yaml", "-"], GOOD);
    expect(status).toBe(2);
    expect(results).toEqual([]);
    expect(run.invocations?.[0]).toMatchObject({
      executionSuccessful: false,
      toolExecutionNotifications: [
        {
          message: { text: expect.stringContaining("there is no such file") },
          locations: [
            { physicalLocation: { artifactLocation: { uri: "file:///no%20where.yaml" } } },
          ],
        },
      ],
    });
  });

  it("holds whatever files are called and hold", async () => {
    using repo = repository({ [HOSTILE_NAME]: HOSTILE_POLICY });
    const { results, out } = await sarif([repo.root], "", repo.root);
    const uri = results[0]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri ?? "";
    expect(decodeURIComponent(uri)).toBe(HOSTILE_NAME);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});
