// SPDX-License-Identifier: Apache-2.0
import { fromProtoJson, type GetEventsResponse } from "@gander/proto";
import { describe, expect, it } from "vitest";
import { compileFieldFilters } from "./field-filter.ts";

const filters = (...json: unknown[]) =>
  compileFieldFilters(json.map((filter) => fromProtoJson("tetragon.FieldFilter", filter)));

const exec: GetEventsResponse = {
  process_exec: {
    process: { exec_id: "a", pid: { value: 1 }, binary: "/bin/x" },
    parent: { exec_id: "b", pid: { value: 2 } },
    ancestors: [{ exec_id: "c", pid: { value: 3 } }],
  },
  node_name: "n",
};
const exit: GetEventsResponse = {
  process_exit: { process: { exec_id: "a" }, status: 3 },
  node_name: "n",
};

describe("field filters", () => {
  it.each([
    [
      [{ fields: "process.exec_id,parent" }],
      { process: { exec_id: "a" }, parent: exec.process_exec?.parent },
    ],
    [
      [{ fields: "process.pid,ancestors", action: "EXCLUDE" }],
      { process: { exec_id: "a", binary: "/bin/x" }, parent: exec.process_exec?.parent },
    ],
    [[{ fields: "ancestors.exec_id" }], { ancestors: [{ exec_id: "c" }] }],
    [[{ fields: "status", event_set: ["PROCESS_EXIT"] }], exec.process_exec],
    [
      [{ fields: "process", event_set: ["PROCESS_EXIT"], invert_event_set: true }],
      { process: exec.process_exec?.process },
    ],
    // Exclusion comes last, wherever it stands.
    [
      [{ fields: "process.pid", action: "EXCLUDE" }, { fields: "process.pid,process.exec_id" }],
      { process: { exec_id: "a" } },
    ],
    [[{ fields: "process,process.pid" }], { process: exec.process_exec?.process }],
  ])("%j", (json, expected) => {
    const { value } = filters(...json);
    expect(value?.(exec)).toEqual({ process_exec: expected, node_name: "n" });
  });

  it("leave other kinds alone, and marks of loss", () => {
    const { value } = filters({ fields: "process.pid", event_set: ["PROCESS_EXEC"] });
    expect(value?.(exit)).toEqual(exit);
    expect(filters({ fields: "process" }).value?.({ rate_limit_info: {} })).toEqual({
      rate_limit_info: {},
    });
  });

  it("are nothing if there are none", () => {
    expect(filters()).toEqual({ value: undefined });
  });

  it("name a field that does not exist", () => {
    const { problems } = filters(
      { fields: "process.pdi,process.pid.x.y" },
      { fields: "status", event_set: ["PROCESS_EXEC"] },
      {},
    );
    expect(problems?.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      '[0].fields: these events have no field "process.pdi"',
      '[0].fields: these events have no field "process.pid.x.y"',
      '[1].fields: these events have no field "status"',
      "[2].fields: names no field, such as process.pid",
    ]);
  });
});
