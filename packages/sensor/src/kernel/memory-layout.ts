// SPDX-License-Identifier: Apache-2.0
import { type CValue, loadObject, type ObjectSpec } from "@gander/libbpf";
import type { NoPlace } from "@gander/policy";
import { symbolAddresses } from "./kernel-symbols.ts";
import { createStructLayouts, fieldOf } from "./tables/struct-layouts.ts";

/** How the kernel maps memory: programs that read the memory of another process need it (bpf/memory.bpf.h). */
export type MemoryLayout = {
  /** The constant of programs; undefined: it is not known. */
  constant(): CValue | undefined;
  /** Why it is not known. */
  problem(): NoPlace | undefined;
};

type Found =
  | { readonly constant: CValue; readonly problem?: never }
  | { readonly problem: NoPlace; readonly constant?: never };

/** Asks the kernel when it is needed first. */
export function createMemoryLayout(spec: ObjectSpec): MemoryLayout {
  let known: Found | undefined;
  const found = () => {
    known ??= findLayout(spec);
    return known;
  };
  return { constant: () => found().constant, problem: () => found().problem };
}

/** The kernel's variables, by the fields of the query that have their addresses. */
const symbols = {
  direct_map_at: "page_offset_base",
  physical_mask_at: "physical_mask",
  top_shift_at: "pgdir_shift",
} as const;

function findLayout(spec: ObjectSpec): Found {
  const addresses = symbolAddresses(Object.values(symbols));
  if (!addresses.has(symbols.direct_map_at))
    return {
      problem: {
        problem: `the kernel does not tell where it has memory (its symbol ${symbols.direct_map_at})`,
        hint: "Give the sensor CAP_SYSLOG, or set kernel.kptr_restrict to 0 or 1",
      },
    };
  if (spec.btf === undefined) throw new Error("memory.bpf.o has no BTF");
  const layout = createStructLayouts(spec.btf)("memory_query");
  const at = (field: string) => fieldOf(layout, field).offset;
  const context = new Uint8Array(layout.size);
  const view = new DataView(context.buffer);
  for (const [field, symbol] of Object.entries(symbols))
    view.setBigUint64(at(field), addresses.get(symbol) ?? 0n, true);
  using object = loadObject(spec);
  const { returnValue } = object.program("memory__find").testRun({ context });
  if (returnValue !== 0)
    return {
      problem: {
        problem: "this machine maps memory in a way that the programs do not know",
        hint: "Filter by other facts: the path of the program, its parent, its user",
      },
    };
  return {
    constant: {
      direct_map: view.getBigUint64(at("direct_map"), true),
      physical_mask: view.getBigUint64(at("physical_mask"), true),
      top_shift: view.getUint32(at("top_shift"), true),
    },
  };
}
