// SPDX-License-Identifier: Apache-2.0
import type { Hello } from "@gander/proto/stream";
import { protocol, spokenProtocol, streamLimits } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";

type HelloProblem = { readonly code: status; readonly reason: string };

/** Undefined if the Hello is acceptable. `node` is the one that the credentials name. */
export function checkHello(hello: Hello, node: string): HelloProblem | undefined {
  if (hello.node !== node)
    return {
      code: status.PERMISSION_DENIED,
      reason: `The credentials are of node ${JSON.stringify(node)}, not of the one that Hello names`,
    };
  const { protocol: theirs = 0, policies = [], kernel_facts, state_digest, epoch = "0" } = hello;
  if (spokenProtocol(protocol, theirs) === undefined)
    return {
      code: status.FAILED_PRECONDITION,
      reason: `The sensor speaks protocol ${theirs}, the operator ${protocol}; they may be one apart. Upgrade the older`,
    };
  const digests = [...policies, ...[kernel_facts, state_digest].filter((one) => one !== undefined)];
  if (policies.length > streamLimits.policies || digests.some(({ length }) => length !== 32))
    return {
      code: status.INVALID_ARGUMENT,
      reason: `Hello must name at most ${streamLimits.policies} policies, by digests of 32 bytes`,
    };
  // Epochs are times in milliseconds: there is room for the next quarter million years.
  if (Number(epoch) > Number.MAX_SAFE_INTEGER / 2)
    return { code: status.INVALID_ARGUMENT, reason: "Hello has an epoch that no operator gave" };
  return undefined;
}
