// SPDX-License-Identifier: Apache-2.0
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type RemoteKernelFacts, remoteKernelFacts } from "@gander/policy/fleet";
import { streamCodec } from "@gander/proto/stream";

const codec = streamCodec("gander.v1.KernelFacts");
const unzip = promisify(gunzip);

/** Unzipped bytes; a kernel has 6 MB of types, 4 MB of names, 1 MB of tracepoints. */
const bounds = { btf: 32 << 20, symbols: 16 << 20, tracepoints: 8 << 20 };

/** Decodes KernelFacts sent by a sensor. Rejects if they are malformed. */
export async function readSentKernel(encoded: Uint8Array): Promise<RemoteKernelFacts> {
  const { release = "", btf, active_lsms = [], symbols, tracepoints } = codec.decode(encoded);
  return remoteKernelFacts({
    release,
    activeLsms: active_lsms,
    btf: await unzip(btf ?? new Uint8Array(), { maxOutputLength: bounds.btf }),
    ...(symbols && { symbols: await unzip(symbols, { maxOutputLength: bounds.symbols }) }),
    ...(tracepoints && {
      tracepoints: await unzip(tracepoints, { maxOutputLength: bounds.tracepoints }),
    }),
  });
}
