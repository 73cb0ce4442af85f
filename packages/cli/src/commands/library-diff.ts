// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { clusterOptions } from "../fleet/fleet-options.ts";
import { withCluster } from "../fleet/with-cluster.ts";
import { compareCopies, isDifferent } from "../library/compare-copies.ts";
import { comparisonText } from "../library/comparison-text.ts";
import { copiesInCluster, copiesInFiles } from "../library/find-copies.ts";
import { chosen, openLibrary } from "../library/library-access.ts";

const { kubeconfig, context } = clusterOptions;

/** `gander policy library diff FILE…`: 0 if all copies are the library's, 1 if one is not. */
export const libraryDiff = defineCommand({
  command: "gander policy library diff",
  summary:
    "Compares copies of policies, in files or in the cluster, with the library of this version: in sentences, and as diff -u does from the copy to the library. Copies are the policies with the label gander.dev/pack. Their mode is not compared, nor what other tools write into their metadata. Exit status: 0 if there is no difference, 1 if there is one.",
  options: {
    cluster: {
      type: "boolean",
      default: false,
      help: "Compare the policies that the cluster has.",
      flagOnly: true,
    },
    want: {
      type: "list",
      default: [],
      placeholder: "NAME|PACK|LEVEL",
      help: "Policies of these without a copy are a difference, too.",
      flagOnly: true,
    },
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "For people, or as JSON: an array.",
      flagOnly: true,
    },
    ...{ kubeconfig, context },
  },
  positionals: {
    placeholder: "FILE…",
    help: "Policy files, directories (read recursively), or patterns; - is the standard input.",
    min: 0,
    max: 10_000,
  },
  examples: [
    "gander policy library diff policies/",
    "gander policy library diff --want guard policies/",
    "gander policy library diff --cluster",
  ],
  run: async ({ values, positionals }, io) => {
    if (values.cluster === positionals.length > 0)
      throw new GanderError("client-bad-input", "Cannot compare: name files, or --cluster", {
        hint: "gander policy library diff policies/",
      });
    const library = openLibrary();
    const wanted = chosen(library, values.want);
    const copies = values.cluster
      ? await withCluster({ ...values, operatorNamespace: "" }, copiesInCluster)
      : await copiesInFiles(positionals, io);
    const all = compareCopies(copies, library, wanted);
    io.stdout.write(
      values.output === "json"
        ? `${terminalSafeJson(JSON.stringify(all, undefined, 2))}\n`
        : comparisonText(all),
    );
    return all.some(isDifferent) ? 1 : 0;
  },
});
