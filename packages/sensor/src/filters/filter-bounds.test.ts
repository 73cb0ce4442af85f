// SPDX-License-Identifier: Apache-2.0

import { linearRegex } from "@gander/base/linear-regex";
import type { Filter } from "@gander/proto";
import { describe, expect, it } from "vitest";
import { compileCel } from "../cel/cel-expression.ts";
import { compileRequest, readWatchRequest } from "../control/get-events.ts";
import { compileFilters } from "./filter.ts";

const compile = (allow: readonly Filter[]) =>
  compileFilters({ allow, deny: [] }, { withCredentials: false });
const cpuMs = (work: () => void) => {
  const before = process.cpuUsage();
  work();
  return process.cpuUsage(before).user / 1000;
};

describe("the filters of one reader", () => {
  it.each<[string, readonly Filter[]]>([
    ["filters", Array.from({ length: 1_001 }, () => ({ pid: [1] }))],
    ["expressions", [{ cel_expression: new Array(5_000).fill("process_exec.process.pid > 1u") }]],
    ["patterns", [{ binary_regex: new Array(50_000).fill("a{1000}") }]],
    ["selectors", [{ labels: new Array(50_000).fill("a=b") }]],
  ])("too many %s are refused at once, with one problem", (_, filters) => {
    let problems: unknown;
    expect(
      cpuMs(() => {
        problems = compile(filters).problems;
      }),
    ).toBeLessThan(2000);
    expect(problems).toHaveLength(1);
  });

  it("as many as people write are taken", () => {
    const filters = Array.from({ length: 50 }, (_, i) => ({
      binary_regex: [`^/usr/bin/tool-${i}$`],
      labels: [`app=a${i}`],
      cel_expression: ['process_exec.process.binary == "/bin/a"'],
    }));
    expect(compile(filters).problems).toBeUndefined();
  });

  it("kinds of events that nobody knows are refused by name", () => {
    // field_filters: [{event_set: [41], fields: {paths: ["process.pid"]}}]
    const filter = Buffer.from("\x0a\x01\x29\x1a\x0d\x0a\x0bprocess.pid", "latin1");
    const request = Buffer.concat([Buffer.from([0x22, filter.length]), filter]);
    expect(() => compileRequest(readWatchRequest(request), { withCredentials: false })).toThrow(
      'there is no kind "41"',
    );
  });

  it("a request of megabytes is not read", () => {
    const request = readWatchRequest(Buffer.alloc(4 << 20, "\n\0"));
    expect(() => compileRequest(request, { withCredentials: false })).toThrow("262144 bytes");
  });
});

describe("patterns", () => {
  it.each(["a{1000}".repeat(100), "((a{10}){10}){10}".repeat(200), "([a-z]{500}){2}".repeat(100)])(
    "that would have more states than a text of characters are not compiled: %.20s…",
    (pattern) => {
      const ms = cpuMs(() => expect(() => linearRegex(pattern)).toThrow("states"));
      expect(ms).toBeLessThan(100);
    },
  );

  it.each(["a{1000}", "[a{1000}]{3}", "\\{1000}", "(?i)x{2,50}y*", "\\Q{1000}\\E", "[^]a]{9}[]b]"])(
    "of ordinary size are: %s",
    (pattern) => void expect(linearRegex(pattern).size).toBeLessThan(1500),
  );
});

describe("expressions", () => {
  const list = `[${"1, ".repeat(29)}1]`;
  const nested = Array.from({ length: 6 }, (_, i) => i).reduce(
    (text, i) => `${text}.map(v${i}, ${list}.map(w, v${i}))`,
    `[${list}]`,
  );

  it.each([`${nested}.all(x, x == x)`, `${nested}.all(x, x in [x, x])`])(
    "that compare a list with 30^7 elements end with the budget",
    (source) => {
      const { value, problem } = compileCel(source);
      expect(problem).toBeUndefined();
      let holds: boolean | undefined;
      expect(
        cpuMs(() => {
          holds = value?.({});
        }),
      ).toBeLessThan(1000);
      expect(holds).toBe(false);
    },
  );

  it("share one budget for an event", () => {
    const loop = compileCel(`${list}.all(a, ${list}.all(b, a + b > 0))`);
    const left = { budget: 200_000 };
    expect(loop.value?.({}, left)).toBe(true);
    const less = { budget: (200_000 - left.budget) * 1.5 };
    expect(loop.value?.({}, less)).toBe(true);
    expect(loop.value?.({}, less)).toBe(false);
  });
});
