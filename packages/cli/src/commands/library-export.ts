// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { modes } from "@gander/policy-test/library";
import { defineCommand } from "../define-command.ts";
import { exportedFiles, kustomization } from "../library/export-library.ts";
import { chosen, openLibrary } from "../library/library-access.ts";

/** `gander policy library export NAME|PACK|LEVEL…` */
export const libraryExport = defineCommand({
  command: "gander policy library export",
  summary:
    "Writes policies of the library as YAML, with the sets that they name: to the standard output, or with --to as files PACK/NAME.yaml of a folder, where files of these names are replaced. Policies from the chart (policies.packs) need no export.",
  options: {
    to: {
      type: "text",
      default: "",
      placeholder: "DIR",
      help: "Write files into this folder.",
      flagOnly: true,
    },
    mode: {
      type: "text",
      default: "enforce",
      values: modes,
      help: "monitor: write them so that they only report what they would stop.",
      flagOnly: true,
    },
    kustomization: {
      type: "boolean",
      default: false,
      help: "With --to: write a kustomization.yaml that names these files, too.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "NAME|PACK|LEVEL…",
    help: "Policies, all of a pack, or all of a level.",
    min: 1,
    max: 1000,
  },
  examples: [
    "gander policy library export guard --mode monitor | kubectl apply -f -",
    "gander policy library export guard mounts --to policies/ --kustomization",
  ],
  run: async ({ values, positionals }, io) => {
    const files = exportedFiles(chosen(openLibrary(), positionals), values.mode);
    if (values.to === "") {
      io.stdout.write(files.map(({ text }) => text).join("---\n"));
      return 0;
    }
    const all = values.kustomization ? [...files, kustomization(files)] : files;
    for (const { path, text } of all) {
      const file = join(values.to, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    io.stdout.write(`${all.map(({ path }) => join(values.to, path)).join("\n")}\n`);
    return 0;
  },
});
