// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { quote, terminalSafeJson } from "../events/quote.ts";
import { clusterOptions } from "../fleet/fleet-options.ts";
import { withCluster } from "../fleet/with-cluster.ts";
import { namespaceOption } from "../namespace-option.ts";
import { textTable } from "../text-table.ts";

/** `gander policy history NAME` */
export const policyHistory = defineCommand({
  command: "gander policy history",
  summary:
    "Lists the revisions of a policy that the operator has kept, newest first: the last ten that were accepted. CHANGE: lines added and removed since the previous one.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "A table, or the revisions with their specs as JSON.",
      flagOnly: true,
    },
    namespace: namespaceOption,
    ...clusterOptions,
  },
  positionals: { placeholder: "NAME", help: "Name of the policy.", min: 1, max: 1 },
  examples: ["gander policy history file-monitoring", "gander policy history guard -n shop"],
  run: async ({ values, positionals }, io) => {
    const [{ readPolicy, readRevisions }, { changeText, specDiff }] = await Promise.all([
      import("../fleet/policy-revisions.ts"),
      import("../fleet/spec-diff.ts"),
    ]);
    const [name = ""] = positionals;
    const { namespace } = values;
    const { policy, revisions } = await withCluster(values, async (client) => {
      const policy = await readPolicy(client, { namespace, name });
      return { policy, revisions: await readRevisions(client, policy, values) };
    });
    if (values.output === "json") {
      const { generation } = policy;
      io.stdout.write(`${terminalSafeJson(JSON.stringify({ generation, revisions }, null, 2))}\n`);
      return 0;
    }
    if (revisions.length === 0) {
      io.stdout.write(
        `${quote(name)}: the operator has kept no revision of it (is it running, and was the policy accepted?)\n`,
      );
      return 0;
    }
    const rows = revisions.map(({ generation, createdAt, spec }, at) => {
      const before = revisions[at + 1];
      const change = before === undefined ? "-" : changeText(specDiff(before.spec, spec));
      const note = generation === policy.generation ? "current" : "";
      return [String(generation), createdAt, change, note];
    });
    const { text } = textTable(["GENERATION", "ACCEPTED", "CHANGE", ""], rows, {
      right: ["GENERATION"],
    });
    io.stdout.write(`${text}\n`);
    if (!revisions.some(({ generation }) => generation === policy.generation))
      io.stdout.write(
        `\nThe cluster has generation ${policy.generation}, which was not accepted: gander policy status ${quote(name)} says why.\n`,
      );
    return 0;
  },
});
