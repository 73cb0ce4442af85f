// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { buildBtf } from "@gander/btf/testing";
import { streamCodec, streamLimits } from "@gander/proto/stream";
import type { TestSensor } from "./test-sensor.ts";

const codec = streamCodec("gander.v1.KernelFacts");

/** Says Hello for a node whose kernel has these functions, as C declares them, and sends its facts if asked. */
export async function tellKernel(
  sensor: TestSensor,
  node: string,
  { release, functions }: { readonly release: string; readonly functions: readonly string[] },
): Promise<void> {
  const names = functions.map((one) => `${/(\w+)\(/.exec(one)?.[1]}\n`);
  const facts = codec.encode({
    release,
    machine: "x86_64",
    btf: gzipSync(buildBtf({ functions })),
    active_lsms: ["lockdown", "capability", "bpf"],
    symbols: gzipSync(names.sort().join("")),
  });
  const digest = createHash("sha256").update(facts).digest();
  sensor.hello({ node, kernel_facts: digest });
  const { welcome } = await sensor.next();
  if (welcome?.send_kernel_facts !== true) return;
  const size = streamLimits.kernelFactsPartBytes;
  for (let offset = 0; offset < facts.length; offset += size) {
    const data = facts.subarray(offset, offset + size);
    sensor.send({ kernel_facts: { digest, offset, total: facts.length, data } });
  }
}
