// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BpfLink, findTypes, loadObject, readKernelBtf, readObject } from "@gander/libbpf";
import { repository } from "./repository.ts";

export type EmptyKind = "fentry" | "lsm" | "raw_tp";

/** Programs that do nothing. Each is loaded once, so that it is quickly attached again. */
export interface EmptyPrograms extends Disposable {
  attach(kind: EmptyKind): BpfLink;
}

/** `target`: the function, LSM hook or raw tracepoint. */
export function loadEmptyPrograms(
  targets: readonly { readonly kind: EmptyKind; readonly target: string }[],
): EmptyPrograms {
  const spec = readObject(readFileSync(join(repository, "bench/build/empty.bpf.o")), "empty");
  const functions = targets.flatMap(({ kind, target }) =>
    kind === "raw_tp" ? [] : [functionName(kind, target)],
  );
  const ids = findTypes(readKernelBtf(), "func", functions);
  for (const { kind, target } of targets) {
    const program = spec.programs.get(`empty__${kind}`);
    if (program === undefined) throw new Error(`empty.bpf.o has no program for ${kind}`);
    program.load = true;
    if (kind === "raw_tp") continue;
    const btfId = ids.get(functionName(kind, target));
    if (btfId === undefined) throw new Error(`This kernel has no ${kind} target ${target}`);
    program.attachTarget = { btfId };
  }
  const object = loadObject(spec);
  return {
    attach(kind) {
      const target = targets.find((one) => one.kind === kind)?.target ?? "";
      return object
        .program(`empty__${kind}`)
        .attach(kind === "raw_tp" ? { kind: "raw_tracepoint", name: target } : { kind: "trace" });
    },
    [Symbol.dispose]: () => object.close(),
  };
}

function functionName(kind: EmptyKind, target: string): string {
  return kind === "lsm" ? `bpf_lsm_${target}` : target;
}
