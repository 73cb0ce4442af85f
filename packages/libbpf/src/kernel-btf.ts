// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { type Btf, parseBtf } from "@gander/btf";
import { BpfError } from "./bpf-error.ts";

const folder = "/sys/kernel/btf";

/** The running kernel's types (6 MB, about 20 ms). Keep what you need of it, not the whole. */
export function readKernelBtf(): Btf {
  return parseBtf(readBtfFile("vmlinux"));
}

/** The types of a loaded module, on top of the kernel's. */
export function readModuleBtf(module: string, kernel: Btf): Btf {
  return parseBtf(readBtfFile(module), kernel);
}

function readBtfFile(name: string): Buffer {
  try {
    return readFileSync(`${folder}/${name}`);
  } catch (cause) {
    throw new BpfError("UNSUPPORTED", `Cannot read ${folder}/${name}.`, {
      operation: "read BTF",
      hint: "The kernel must be built with CONFIG_DEBUG_INFO_BTF, and a module be loaded.",
      cause,
    });
  }
}
