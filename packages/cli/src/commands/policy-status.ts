// SPDX-License-Identifier: Apache-2.0
import { defineCommand } from "../define-command.ts";
import { terminalSafeJson } from "../events/quote.ts";
import { fleetTimeout, onlyFleetOptions } from "../fleet/fleet-options.ts";
import { describeNodes, describePolicy } from "../fleet/fleet-text.ts";
import { withFleet } from "../fleet/with-fleet.ts";
import { columnsOf } from "../io.ts";
import { namespaceOption } from "../namespace-option.ts";

/** `gander policy status NAME`: exit status 0 if it is in force on every node that it applies to, 1 if not. */
export const policyStatus = defineCommand({
  command: "gander policy status",
  summary:
    "Shows the status of a policy in the cluster, as the operator reports it: on which nodes it is in force, on which it isn't and why, and what it did. Exit status 0: in force on every node that it applies to. 1: not (yet).",
  options: {
    nodes: {
      type: "boolean",
      default: false,
      help: "Show every node, not only the worst ten.",
      group: "Output",
      flagOnly: true,
    },
    output: {
      type: "text",
      default: "text",
      values: ["text", "json"],
      short: "o",
      help: "For people, or everything the operator says as JSON.",
      group: "Output",
      flagOnly: true,
    },
    namespace: namespaceOption,
    ...onlyFleetOptions,
    timeout: fleetTimeout,
  },
  positionals: { placeholder: "NAME", help: "Name of the policy.", min: 1, max: 1 },
  examples: [
    "gander policy status file-monitoring --nodes",
    "gander policy status guard -n shop -o json | jq '.nodes[] | select(.state != \"NODE_STATE_READY\")'",
  ],
  run: async ({ values, positionals }, io) => {
    const [name = ""] = positionals;
    const { namespace } = values;
    const { policy, nodes } = await withFleet(values, (fleet) =>
      fleet.policyNodes({ namespace, name }),
    );
    const shown = values.nodes ? { ...policy, worst: [] } : policy;
    const text =
      values.output === "json"
        ? terminalSafeJson(JSON.stringify({ ...policy, nodes }, null, 2))
        : [
            describePolicy(shown),
            ...(values.nodes ? ["", describeNodes(nodes, columnsOf(io))] : []),
          ].join("\n");
    io.stdout.write(`${text}\n`);
    const { nodes: all = 0, ready = 0, problems = [] } = policy;
    return ready === all && problems.length === 0 ? 0 : 1;
  },
});
