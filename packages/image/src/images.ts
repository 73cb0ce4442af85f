// SPDX-License-Identifier: Apache-2.0
import type { Program } from "./layers/program-layer.ts";
import type { RunConfig } from "./oci/index.ts";

export interface ImagePlan {
  /** The last part of the image's name. */
  readonly name: "sensor" | "operator";
  readonly title: string;
  readonly program: Program;
  readonly run: RunConfig;
  /** Whether the program comes with the native binding, and what is linked into that. */
  readonly isNative: boolean;
}

/** The images of Gander. The Containerfile builds the same ones. */
export const IMAGES: readonly ImagePlan[] = [
  {
    name: "sensor",
    title: "Gander's sensor, and its command line",
    program: {
      name: "gander",
      entry: "packages/cli/src/main.ts",
      files: {
        lib: [
          "packages/libbpf/build/libbpf.node",
          "packages/sensor/native/build/read-files",
          "packages/sensor/native/build/let-go",
          "packages/policy-test/native/build/act",
        ],
        bpf: ["file", "hook", "memory", "process"].map((name) => `bpf/build/${name}.bpf.o`),
      },
      folders: ["policies"],
    },
    run: { User: "0:0", Entrypoint: ["gander"], Cmd: ["run"] },
    isNative: true,
  },
  {
    name: "operator",
    title: "Gander's operator",
    program: {
      name: "gander-operator",
      entry: "packages/operator/src/main.ts",
      files: {},
    },
    run: { User: "65532:65532", Entrypoint: ["gander-operator"] },
    isNative: false,
  },
];
