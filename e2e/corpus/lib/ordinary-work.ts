// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What the container is made of: the guest's own userland, or the Debian system of `scripts/setup corpus`. */
export type WorkImage = "guest" | "debian";

/** A script that does what pods do every day. Its output is the same at each run. */
export type Work = {
  readonly name: string;
  readonly file: string;
  /** Its first comment. */
  readonly what: string;
  readonly image: WorkImage;
  /** `node`: outside of pods, with the pod's cgroup in POD_CGROUP. */
  readonly runs: "in the pod" | "on the node";
};

const folder = join(import.meta.dirname, "../work");

/** All of one image, by name. @throws Error if the head of one is wrong. */
export function ordinaryWork(image: WorkImage): readonly Work[] {
  return globSync("*.sh", { cwd: folder })
    .toSorted()
    .map((file) => readWork(join(folder, file)))
    .filter((work) => work.image === image);
}

function readWork(file: string): Work {
  const text = readFileSync(file, "utf8");
  const [, what] = /^#!.*\n# SPDX.*\n# (.*)\n/.exec(text) ?? [];
  if (what === undefined)
    throw new Error(`${file} does not begin with #!, a licence and a line that says what it does`);
  return {
    ...{ name: basename(file, ".sh"), file, what },
    image: /^# image: debian$/m.test(text) ? "debian" : "guest",
    runs: /^# runs: on the node$/m.test(text) ? "on the node" : "in the pod",
  };
}
