// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { repeated } from "../src/generators.ts";
import type { Target } from "../src/target.ts";

const program = fileURLToPath(new URL("../../bpf/build/test/native/fuzz-paths", import.meta.url));

/** Operations of bpf/test/native/fuzz-paths.c. */
const operation = { file: 0, mount: 1, detach: 2, rename: 3, walk: 4 };
const { file, mount, detach, rename, walk } = operation;
const folders = [file, 0, 3, 1, file, 1, 40, 2, file, 2, 255, 3, file, 3, 200, 4];

/** The kernel's walk to the path of a file, compiled natively, over trees with concurrent renames. */
export const paths: Target = {
  name: "paths",
  run(input) {
    const env = { ASAN_OPTIONS: "detect_leaks=0" };
    const { stdout, stderr, status } = spawnSync(program, { input, env, encoding: "utf8" });
    if (status !== 0 || stderr !== "") throw new Error(`${stdout}${stderr}`);
    return stdout.trim();
  },
  seeds: () =>
    [
      [0, ...folders, walk, 4, 0],
      [1, ...folders, mount, 1, 0, 2, walk, 2, 1, detach, 2, walk, 4, 2],
      [1, ...folders, rename, 3, 1, 5, 9, 7, rename, 2, 0, 9, 3, 3, walk, 4, 0],
      [0, ...Array.from({ length: 40 }, (_, i) => [file, i, 250, i]).flat(), walk, 39, 0],
    ].map((bytes) => Buffer.from(bytes)),
  words: Object.values(operation).map((byte) => Buffer.from([byte])),
  bombs: { "walks through many mounts": (size) => repeated("\x01\0\0\0\x04\0\x05", size) },
  innocent: (size) => repeated("\0\0\x05\x05", size),
};
