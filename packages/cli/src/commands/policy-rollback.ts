// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { quote, quoteSentence } from "../events/quote.ts";
import { clusterOptions } from "../fleet/fleet-options.ts";
import { revisionNumber } from "../fleet/revision-number.ts";
import { withCluster } from "../fleet/with-cluster.ts";
import { namespaceOption } from "../namespace-option.ts";

/** `gander policy rollback NAME --to-revision N` */
export const policyRollback = defineCommand({
  command: "gander policy rollback",
  summary:
    "Writes the spec of an earlier revision into the policy, with your own rights. It becomes a new generation and is treated like every change: checks, rollout, status. If your policies are in Git, change it there as well, or the next sync undoes this.",
  options: {
    "to-revision": {
      type: "text",
      default: "",
      placeholder: "GENERATION",
      help: "The revision to write. Default: the one before what the cluster has now.",
      flagOnly: true,
    },
    "dry-run": {
      type: "boolean",
      default: false,
      help: "Let the API server check it, and change nothing.",
      flagOnly: true,
    },
    namespace: namespaceOption,
    ...clusterOptions,
  },
  positionals: { placeholder: "NAME", help: "Name of the policy.", min: 1, max: 1 },
  examples: [
    "gander policy history file-monitoring",
    "gander policy rollback file-monitoring --to-revision 3 --dry-run",
    "gander policy rollback file-monitoring --to-revision 3",
  ],
  run: async ({ values, positionals }, io) => {
    const [revisionsModule, { specDiff }, { unifiedDiff }] = await Promise.all([
      import("../fleet/policy-revisions.ts"),
      import("../fleet/spec-diff.ts"),
      import("../fleet/line-diff.ts"),
    ]);
    const { readPolicy, readRevisions, revisionOf, writeSpec } = revisionsModule;
    const [name = ""] = positionals;
    const { namespace, toRevision, dryRun } = values;
    const place = { namespace, name };
    const wanted = toRevision === "" ? undefined : revisionNumber(toRevision);
    return await withCluster(values, async (client) => {
      const policy = await readPolicy(client, place);
      const revisions = await readRevisions(client, policy, values);
      const target =
        wanted === undefined
          ? revisions.find(({ generation }) => generation < policy.generation)
          : revisionOf(revisions, wanted);
      if (target === undefined) {
        io.stderr.write(`gander: there is no revision of ${quote(name)} to go back to\n`);
        return 1;
      }
      const lines = unifiedDiff(specDiff(policy.spec, target.spec));
      if (lines.length === 0) {
        io.stdout.write(
          `${quote(name)}: generation ${policy.generation} is what revision ${target.generation} was; nothing to do\n`,
        );
        return 0;
      }
      io.stdout.write(`${lines.map(quoteSentence).join("\n")}\n\n`);
      const mode = dryRun ? "dry-run" : "store";
      const generation = await writeSpec(client, place, policy, { spec: target.spec, mode });
      io.stdout.write(
        dryRun
          ? `${quote(name)}: the API server would take revision ${target.generation} (nothing was changed)\n`
          : `${quote(name)}: has the spec of revision ${target.generation} again, as generation ${generation}\n`,
      );
      io.stderr.write(
        policy.keeper === ""
          ? "If Git keeps this policy, change it there too: the next sync brings back what stands there.\n"
          : `${policy.keeper} keeps this policy: its next sync brings back what stands there. Revert the change in Git.\n`,
      );
      return 0;
    });
  },
});
