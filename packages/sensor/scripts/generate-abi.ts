// SPDX-License-Identifier: Apache-2.0
// Writes src/link/abi.gen.ts: the numbers of bpf/abi.h and bpf/records.h that BTF does not carry
// (enums that no struct refers to, and #defines). `pnpm --filter @gander/sensor generate`
import { writeFileSync } from "node:fs";
import { parseAbiHeader, readAbiHeaders, renderAbi } from "./abi-header.ts";

const target = new URL("../src/link/abi.gen.ts", import.meta.url);

writeFileSync(target, renderAbi(parseAbiHeader(readAbiHeaders())));
