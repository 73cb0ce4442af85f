// SPDX-License-Identifier: Apache-2.0
// e2e/cluster/up: a cluster to work with; see usage below.
import { parseArgs } from "node:util";
import { clusterTool } from "../lib/cluster-tools.ts";
import type { NodeSpec } from "./cluster-node.ts";
import { RealCluster } from "./real-cluster.ts";

const usage = `Usage: e2e/cluster/up [NODE:KERNEL…]

Starts a Kubernetes cluster on this machine whose nodes are virtual machines (default: node-612:6.12
node-61:6.1), prints how to use it, and waits. It ends with this program. Needs root, and once
scripts/setup cluster and make image. Kernels: 6.1 and 6.12.
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { help: { type: "boolean", short: "h" } },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const specs = positionals.length > 0 ? positionals : ["node-612:6.12", "node-61:6.1"];
const started = performance.now();
const onStep = (step: string) =>
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${step}`);

// Before it is up there is nothing to wait for: its processes end with this one.
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const giveUp = () => process.exit(1);
for (const signal of signals) process.once(signal, giveUp);
await using cluster = await RealCluster.start(specs.map(parseNode), { onStep });
console.log(`
export KUBECONFIG=${cluster.kubeconfig}
alias kubectl=${clusterTool("kubectl")} helm=${clusterTool("helm")}

Logs are in ${cluster.directory}. End with Ctrl-C.`);
await new Promise<void>((resolve) => {
  for (const signal of signals) process.off(signal, giveUp).once(signal, resolve);
});

function parseNode(text: string): NodeSpec {
  const [, name, kernel] = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?):(\d+\.\d+)$/.exec(text) ?? [];
  if (name !== undefined && kernel !== undefined) return { name, kernel };
  process.stderr.write(`"${text}" is not NODE:KERNEL, such as node-612:6.12\n${usage}`);
  process.exit(2);
}
