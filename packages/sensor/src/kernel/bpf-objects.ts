// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GanderError } from "@gander/base";
import { type ObjectSpec, readObject } from "@gander/libbpf";

/** The compiled programs, not yet in the kernel. */
export type BpfObjects = {
  readonly process: ObjectSpec;
  readonly hook: ObjectSpec;
  /** Of the objects and the size of the ring: what is pinned under the same one fits together. */
  readonly digest: string;
};

/** Where `make build` puts them. */
const builtFolder = fileURLToPath(new URL("../../../../bpf/build", import.meta.url));

export function readBpfObjects({
  folder = builtFolder,
  ringBytes,
}: {
  folder?: string;
  ringBytes: number;
}): BpfObjects {
  const [process, hook] = ["process", "hook"].map((name) =>
    readObjectFile(join(folder, `${name}.bpf.o`)),
  );
  if (process === undefined || hook === undefined) throw new Error("unreachable");
  const digest = createHash("sha256")
    .update(process)
    .update(hook)
    .update(String(ringBytes))
    .digest("hex")
    .slice(0, 16);
  const objects = {
    process: readObject(process, "process"),
    hook: readObject(hook, "hook"),
    digest,
  };
  for (const { maps } of [objects.process, objects.hook]) {
    const ring = maps.get("events");
    if (ring !== undefined) ring.maxEntries = ringBytes;
  }
  return objects;
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
