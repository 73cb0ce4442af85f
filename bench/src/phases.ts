// SPDX-License-Identifier: Apache-2.0
import type { Phase } from "./phase.ts";
import { apply } from "./phases/apply.ts";
import { connect } from "./phases/connect.ts";
import { exec } from "./phases/exec.ts";
import { file } from "./phases/file.ts";
import { latency } from "./phases/latency.ts";
import { loss } from "./phases/loss.ts";
import { many } from "./phases/many.ts";
import { memory } from "./phases/memory.ts";
import { syscall } from "./phases/syscall.ts";
import { throughput } from "./phases/throughput.ts";

/** All phases, in the order of measurement. */
export const phases: readonly Phase[] = [
  file,
  connect,
  syscall,
  exec,
  throughput,
  memory,
  apply,
  loss,
  latency,
  many,
];
