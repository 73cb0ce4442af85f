// SPDX-License-Identifier: Apache-2.0
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { GanderError, type Problem } from "@gander/base";
import {
  type FleetFinding,
  type FleetKernel,
  fleetCheck,
  remoteKernelFacts,
} from "@gander/policy/fleet";
import type { KernelCheck } from "./check-files.ts";

const maxBytes = 64 << 20;

/**
 * A check against kernels that don't run here, by copies of their /sys/kernel/btf/vmlinux (plain or gzip).
 * A file's name stands for its kernel. Rejects with `client-bad-input`.
 */
export async function btfKernelCheck(files: readonly string[]): Promise<KernelCheck> {
  const kernels: FleetKernel[] = [];
  for (const file of files) kernels.push({ facts: await readFacts(file), nodes: 1 });
  return ({ compiled }, file) =>
    fleetCheck(compiled, kernels).map((finding) => asProblem(finding, file));
}

async function readFacts(file: string) {
  try {
    // Files below /sys say that they have no size.
    if ((await stat(file)).size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    const bytes = await readFile(file);
    const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    const btf = isZipped ? gunzipSync(bytes, { maxOutputLength: maxBytes }) : bytes;
    return remoteKernelFacts({ release: basename(file), btf });
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/\.$/, "") : String(error);
    throw new GanderError("client-bad-input", `Cannot read the kernel's types in ${file}: ${why}`, {
      hint: "Give a copy of /sys/kernel/btf/vmlinux of a machine with that kernel.",
      cause: error,
    });
  }
}

function asProblem(finding: FleetFinding, file: string): Problem {
  const { path, code, message, hint, severity, kernels } = finding;
  const names = kernels.map(({ release }) => release).join(", ");
  return {
    ...{ file, path, line: 0, column: 0, code, hint, severity },
    message: `${path}: ${message} (${kernels.length === 1 ? "kernel" : "kernels"} ${names})`,
  };
}
