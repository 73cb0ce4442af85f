// SPDX-License-Identifier: Apache-2.0
import { connectPath, protocol, streamCodec, streamLimits } from "@gander/proto/stream";
import { type OperatorAccess, readCredentials } from "./operator-access.ts";
import { openChannel, operatorStream } from "./operator-channel.ts";

type ProblemReport = {
  readonly node: string;
  readonly sensorVersion: string;
  /** Why the sensor cannot start. */
  readonly problem: string;
};

/**
 * Tells the operator why this node's sensor does not start, so that the node's status says it. Tries once.
 * Rejects with an Error if the operator cannot be reached or does not answer within `patienceMs`.
 */
export async function reportStartProblem(
  access: OperatorAccess,
  { node, sensorVersion, problem }: ProblemReport,
  patienceMs = 8_000,
): Promise<void> {
  using channel = openChannel(access, await readCredentials(access));
  const stream = operatorStream(channel.call(connectPath), () => {});
  const timer = setTimeout(() => stream.cancel(), patienceMs);
  const start_problem = problem.slice(0, streamLimits.startProblemLength);
  await stream.send(
    streamCodec("gander.v1.FromSensor").encode({
      hello: { node, protocol, sensor_version: sensorVersion, start_problem },
    }),
  );
  const { code, details } = await stream.ended;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`The operator did not take it: ${details}`);
}
