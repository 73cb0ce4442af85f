// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { quote, quoteSentence } from "../events/quote.ts";
import { clusterOptions } from "../fleet/fleet-options.ts";
import { revisionNumber } from "../fleet/revision-number.ts";
import { withCluster } from "../fleet/with-cluster.ts";
import { namespaceOption } from "../namespace-option.ts";

/** `gander policy diff NAME [FROM [TO]]` */
export const policyDiff = defineCommand({
  command: "gander policy diff",
  summary:
    "Shows what changed between revisions of a policy, as diff -u does. With one revision: from it to what the cluster has now. With none: from the revision before what the cluster has now. Exit status 0, whether or not something changed.",
  options: { namespace: namespaceOption, ...clusterOptions },
  positionals: {
    placeholder: "NAME [FROM [TO]]",
    help: "Name of the policy, then revisions by their generation.",
    min: 1,
    max: 3,
  },
  examples: ["gander policy diff file-monitoring", "gander policy diff file-monitoring 3 5"],
  run: async ({ values, positionals }, io) => {
    const [{ readPolicy, readRevisions, revisionOf }, { specDiff }, { unifiedDiff }] =
      await Promise.all([
        import("../fleet/policy-revisions.ts"),
        import("../fleet/spec-diff.ts"),
        import("../fleet/line-diff.ts"),
      ]);
    const [name = "", ...given] = positionals;
    const [from, to] = given.map(revisionNumber);
    const { namespace } = values;
    const { policy, revisions } = await withCluster(values, async (client) => {
      const policy = await readPolicy(client, { namespace, name });
      return { policy, revisions: await readRevisions(client, policy, values) };
    });
    const after = to === undefined ? policy : revisionOf(revisions, to);
    const before =
      from === undefined
        ? revisions.find(({ generation }) => generation < after.generation)
        : revisionOf(revisions, from);
    if (before === undefined) {
      io.stdout.write(`${quote(name)}: there is no revision before ${after.generation}\n`);
      return 0;
    }
    const lines = unifiedDiff(specDiff(before.spec, after.spec));
    if (lines.length === 0)
      io.stdout.write(
        `${quote(name)}: revisions ${before.generation} and ${after.generation} are the same\n`,
      );
    else
      io.stdout.write(
        [
          `--- ${quote(name)}, revision ${before.generation}`,
          `+++ ${quote(name)}, revision ${after.generation}${after === policy ? " (what the cluster has)" : ""}`,
          ...lines.map(quoteSentence),
          "",
        ].join("\n"),
      );
    return 0;
  },
});
