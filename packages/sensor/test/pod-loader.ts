// SPDX-License-Identifier: Apache-2.0
// For kernel tests: a sensor that applies the version in its argument, says so, and waits to be killed.
import { startGuestNode, versionOf } from "./guest-pods.ts";

const [name = "", ringBytes = "", version = "", newPods] = process.argv.slice(2);
const { node, policies } = await startGuestNode({
  ...{ name, ringBytes: Number(ringBytes) },
  ...(newPods !== undefined && { newPods: JSON.parse(newPods) }),
});
const exceptions = await node.apply(versionOf(JSON.parse(version)));
await policies.started();
process.send?.(exceptions.length === 0 ? "ready" : JSON.stringify(exceptions));
setInterval(() => {}, 1000);
