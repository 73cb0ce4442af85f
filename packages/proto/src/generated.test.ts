// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codec, reflection } from "./codec.ts";
import { parseProtoFiles } from "./generate/proto-files.ts";
import { renderDescriptor } from "./generate/render-descriptor.ts";
import { renderMessageTypes } from "./generate/render-message-types.ts";
import { serviceDefinition } from "./service.ts";

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

describe("generated files", () => {
  // If this fails: pnpm --filter @gander/proto generate
  it("are those of the .proto files", () => {
    const root = parseProtoFiles();
    expect(read("./descriptor.gen.ts")).toBe(renderDescriptor(root));
    expect(read("./messages.gen.ts")).toBe(renderMessageTypes(root));
  });
});

describe("event API", () => {
  // Numbers that clients in the field have compiled in.
  it.each([
    ["tetragon.GetEventsResponse", "process_exec", 1],
    ["tetragon.GetEventsResponse", "process_lsm", 28],
    ["tetragon.GetEventsResponse", "rate_limit_info", 40001],
    ["tetragon.GetEventsResponse", "node_name", 1000],
    ["tetragon.Process", "in_init_tree", 20],
    ["tetragon.ProcessKprobe", "return_action", 9],
    ["tetragon.KprobeArgument", "label", 18],
    ["tetragon.KprobeArgument", "sockaddrun_arg", 33],
    ["tetragon.Filter", "namespace_regex", 19],
    ["tetragon.TracingPolicyStatus", "hook_statuses", 14],
    ["tetragon.ConfigureTracingPolicyRequest", "mode", 4],
  ])("%s.%s is %d", (type, field, number) => {
    expect(reflection().lookupType(type).fields[field]?.id).toBe(number);
  });

  it("has 18 methods, of which one streams", () => {
    const methods = Object.values(serviceDefinition("tetragon.FineGuidanceSensors"));
    expect(methods.length).toBe(18);
    expect(methods.filter(({ responseStream }) => responseStream).map(({ path }) => path)).toEqual([
      "/tetragon.FineGuidanceSensors/GetEvents",
    ]);
  });

  it("tells an absent optional field from its default", () => {
    const request = codec("tetragon.ConfigureTracingPolicyRequest");
    expect(request.decode(request.encode({ name: "x", enable: false }))).toEqual({
      name: "x",
      enable: false,
    });
    expect(request.decode(request.encode({ name: "x" }))).toEqual({ name: "x" });
  });
});
