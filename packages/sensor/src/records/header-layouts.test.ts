// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readBpfObjects } from "../kernel/bpf-objects.ts";
import { createStructLayouts } from "../kernel/tables/struct-layouts.ts";
import { headerLayouts } from "./header-layouts.ts";
import { recordOffsets } from "./record-layouts.ts";

const objects = fileURLToPath(new URL("../../../../bpf/build/process.bpf.o", import.meta.url));

// The records of the tests are made from the header's text: it must mean what the compiler made of it.
describe.skipIf(!existsSync(objects))("layouts from the header", () => {
  const { process, hook } = readBpfObjects({ ringBytes: 1 << 20 });
  const ofProcess = createStructLayouts(process.btf ?? fail());
  const ofHook = createStructLayouts(hook.btf ?? fail());
  const fromHeader = headerLayouts();

  it.each(["record", "record_exec", "record_exit", "record_cgroup", "credentials", "text"])(
    "struct %s",
    (name) => {
      const { size, offsets } = ofProcess(name);
      expect(fromHeader(name)).toMatchObject({ size, offsets: topLevel(offsets) });
    },
  );

  it.each(["record_hook", "arg", "sock_value"])("struct %s", (name) => {
    const { size, offsets } = ofHook(name);
    expect(fromHeader(name)).toMatchObject({ size, offsets: topLevel(offsets) });
  });

  it("have all that the decoders look up", () => {
    const both = (name: string) => {
      try {
        return ofProcess(name);
      } catch {
        return ofHook(name);
      }
    };
    expect(recordOffsets(both)).toEqual(recordOffsets(fromHeader));
  });
});

const topLevel = (offsets: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(offsets).filter(([path]) => !path.includes(".")));

function fail(): never {
  throw new Error("the object has no BTF");
}
