// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { Engine } from "@gander/policy-test";
import { probeImage } from "../attacks/probe-image.ts";
import type { Io } from "../io.ts";
import type { TestValues } from "./test-options.ts";

type StartEngine = (values: TestValues, io: Io) => Promise<Engine>;

/** How the cases of tests are decided, by the value of `--kernel`. */
const engines: Readonly<Record<string, StartEngine>> = {
  none: async () => (await import("@gander/policy-test/reference")).referenceEngine,
  live: async () => {
    const { startLiveEngine } = await import("@gander/policy-test/live");
    return compared(await startLiveEngine());
  },
  // It is compared there.
  vm: async ({ vmKernel, vmTimeout }, { signal }) => {
    const { createMachineEngine } = await import("@gander/policy-test/vm");
    return createMachineEngine({ kernel: vmKernel, timeoutMs: vmTimeout, signal });
  },
};

/** @throws GanderError if it lacks something. */
export const startEngine: StartEngine = async (values, io) => {
  const { kernel, cluster, vmKernel } = values;
  if (cluster !== "" && kernel !== "none")
    throw refused("both --kernel and --cluster say where", "Leave one of them out.");
  if (vmKernel !== "" && kernel !== "vm")
    throw refused("--vm-kernel is for a virtual machine", "Add --kernel vm.");
  const start = cluster === "" ? engines[kernel] : inCluster;
  if (start === undefined) throw new RangeError(`there is no engine ${kernel}`);
  return start(values, io);
};

const refused = (why: string, hint: string) =>
  new GanderError("client-bad-input", `Cannot test policies: ${why}`, { hint });

async function compared(engine: Engine): Promise<Engine> {
  const reference = await import("@gander/policy-test/reference");
  return reference.compared(engine);
}

const inCluster: StartEngine = async (values, { signal }) => {
  const [{ createClusterEngine }, { clusterAccess }, { connectOperator }] = await Promise.all([
    import("@gander/policy-test/cluster"),
    import("../fleet/cluster-access.ts"),
    import("../fleet/with-fleet.ts"),
  ]);
  await using started = new AsyncDisposableStack();
  const cluster = started.use(clusterAccess(values));
  const fleet = started.use(await connectOperator(values, cluster));
  const client = await cluster.client();
  const engine = await compared(
    createClusterEngine(
      {
        ...(await probeImage(values, client)),
        ...{ namespace: values.cluster, node: values.node, mode: "monitor", events: fleet.events },
        settleSeconds: Math.ceil(values.settle / 1000),
      },
      { client, signal, timeoutMs: values.podTimeout },
    ),
  );
  const all = started.move();
  return { run: engine.run, [Symbol.asyncDispose]: () => all.disposeAsync() };
};
