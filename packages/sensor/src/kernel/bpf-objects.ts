// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GanderError } from "@gander/base";
import { type ObjectSpec, readObject, setVariables } from "@gander/libbpf";
import { featureTables } from "../link/features.ts";

/** The compiled programs, not yet loaded. */
export type BpfObjects = {
  readonly process: ObjectSpec;
  readonly hook: ObjectSpec;
  /** Identifies the file of a descriptor; never stays in the kernel. */
  readonly file: ObjectSpec;
  /** Tells how the kernel maps memory; never stays in the kernel. */
  readonly memory: ObjectSpec;
  /** Of the objects, the sizes of their maps and what is left out of programs: equal digests fit together. */
  readonly digest: string;
};

/** In a bundle beside the program; in the source tree the output folder of `make build`. */
const places = ["./bpf", "../bpf", "../../../../bpf/build"].map((at) =>
  fileURLToPath(new URL(at, import.meta.url)),
);
const builtFolder = places.find((path) => existsSync(join(path, "hook.bpf.o"))) ?? places[2] ?? "";

export type BpfObjectsOptions = {
  /** The folder of the compiled programs, if not that of the program or of `make build`. */
  readonly objectsFolder?: string;
  readonly ringBytes: number;
};

export function readBpfObjects({
  objectsFolder = builtFolder,
  ringBytes,
}: BpfObjectsOptions): BpfObjects {
  const read = (name: string) => readObjectFile(join(objectsFolder, `${name}.bpf.o`));
  const [process, hook] = [read("process"), read("hook")];
  const objects = {
    process: readObject(process, "process"),
    hook: readObject(hook, "hook"),
    file: readObject(read("file"), "file"),
    memory: readObject(read("memory"), "memory"),
  };
  const sizes = { ...sizesOfMachine(objects.process), events: ringBytes };
  for (const spec of [objects.process, objects.hook]) resize(spec, sizes);
  const digest = createHash("sha256")
    .update(process)
    .update(hook)
    .update(JSON.stringify(sizes))
    .update(featureTables)
    .digest("hex")
    .slice(0, 16);
  return { ...objects, digest };
}

/** Elements by map; for rings, bytes. */
type Sizes = Readonly<Record<string, number>>;

/**
 * Sizes of the maps that must not run out, however many processes and CPUs exist (bpf/state.bpf.h,
 * scratch.bpf.h): an entry per process that the kernel would allow, and working memory per CPU. Never smaller
 * than in the objects.
 */
function sizesOfMachine({ maps }: ObjectSpec): Sizes {
  const least = (name: string) => maps.get(name)?.maxEntries ?? 0;
  const grow = (name: string, wanted: number) => Math.max(powerOfTwo(wanted), least(name));
  const pool = (words: string, slots: string) => {
    const count = Math.min(grow(words, cpus().length), mostWords);
    return { [words]: count, [slots]: (count * least(slots)) / least(words) };
  };
  return {
    procs: grow("procs", Math.min(mostProcesses(), mostEntries)),
    ...pool("scratch_pool", "scratches"),
    ...pool("stage_pool", "stages"),
  };
}

/** A table of this many entries takes 16 MiB even when empty; machines that allow more have 128 GiB. */
const mostEntries = 1 << 20;
const mostWords = 1024;

/** From the kernel's own limits; proc_sys_kernel(5). */
function mostProcesses(): number {
  const read = (name: string) => Number(readFileSync(`/proc/sys/kernel/${name}`, "utf8"));
  return Math.min(read("threads-max"), read("pid_max"));
}

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}

function resize(spec: ObjectSpec, sizes: Sizes): void {
  for (const [name, entries] of Object.entries(sizes)) {
    const map = spec.maps.get(name);
    if (map !== undefined) map.maxEntries = entries;
  }
  setVariables(spec, {
    scratch_words: sizes.scratch_pool ?? 0,
    stage_words: sizes.stage_pool ?? 0,
  });
}

function readObjectFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new GanderError("sensor-objects", `Cannot read the kernel programs in ${path}`, {
      hint: "Build them: make build",
      cause,
    });
  }
}
