// SPDX-License-Identifier: Apache-2.0
import { type Engine, oneByOne } from "../case-result.ts";
import { runLive } from "./run-live.ts";
import { startTestNode } from "./test-node.ts";

/** Cases are done on this machine. @throws GanderError if it, or the caller's rights, lack something. */
export async function startLiveEngine(): Promise<Engine> {
  const node = await startTestNode();
  return {
    run: oneByOne(({ test, policies }) =>
      runLive(
        node,
        test,
        policies.map(({ compiled }) => compiled),
      ),
    ),
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}
