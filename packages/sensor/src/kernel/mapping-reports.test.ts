// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { type HookPoint, mappingFunction } from "@gander/policy";
import { expect, it } from "vitest";
import { loaderRemarks } from "../policy/describe-policy.ts";
import { MappingReports } from "./mapping-reports.ts";

const point: HookPoint = { kind: "fentry", target: mappingFunction, syscall: false };
const keys = [`fentry:${mappingFunction}`];
const policy = { hooks: [{ hook: { kind: "loader", path: "spec.loader" } }] } as const;

it("the state of a policy with a loader says that a new sensor got no reports", () => {
  const logged: string[] = [];
  const logger = createLogger({ write: (line) => void logged.push(line) });
  let isAllowed = false;
  const reports = new MappingReports(() => {
    if (!isAllowed) throw new Error("perf_event_open: Operation not permitted");
    return { [Symbol.dispose]() {} };
  });
  reports.adopt(["fentry:security_file_open"], logger);
  expect(reports.problem).toBeUndefined();
  reports.adopt(keys, logger);
  expect(logged).toHaveLength(1);
  expect(loaderRemarks(policy, reports.problem)).toEqual([
    expect.stringMatching(
      /^spec\.loader: .*perf_event_open: Operation not permitted.*CAP_SYS_ADMIN/,
    ),
  ]);
  expect(loaderRemarks({ hooks: [] }, reports.problem)).toEqual([]);
  expect(() => reports.needFor(point)).toThrow("Operation not permitted");
  expect(reports.problem).toBeDefined();

  isAllowed = true;
  reports.needFor(point);
  expect(loaderRemarks(policy, reports.problem)).toEqual([]);
});
