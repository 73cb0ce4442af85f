// SPDX-License-Identifier: Apache-2.0
import { streamCodec } from "@gander/proto/stream";
import { status } from "@grpc/grpc-js";
import { CallProblem } from "./call-problem.ts";
import type { FleetAnswers } from "./fleet-answers.ts";
import { type FleetMethod, send } from "./fleet-method.ts";

const statusCodec = streamCodec("gander.v1.FleetStatus");
const policiesCodec = streamCodec("gander.v1.FleetPolicies");
const nodesRequest = streamCodec("gander.v1.GetPolicyNodesRequest");
const nodesCodec = streamCodec("gander.v1.PolicyNodes");

/** A policy with its worst nodes takes up to 8 KB, a node with its reason 700 bytes. */
const policiesInAMessage = 50;
const nodesInAMessage = 500;

const right = { verb: "get", resource: "policystatuses" };

/** gander.v1.Fleet. */
export function createFleetMethods(answers: FleetAnswers): readonly FleetMethod[] {
  return [
    {
      path: "/gander.v1.Fleet/GetFleetStatus",
      right,
      answer: (call, { signal }) => send(call, statusCodec.encode(answers.status()), signal),
    },
    {
      path: "/gander.v1.Fleet/ListPolicies",
      right,
      async answer(call, { signal }) {
        for (const policies of parts(answers.policies(), policiesInAMessage))
          await send(call, policiesCodec.encode({ policies }), signal);
      },
    },
    {
      path: "/gander.v1.Fleet/GetPolicyNodes",
      right,
      async answer(call, { signal }) {
        const { namespace = "", name = "" } = readRequest(call.request);
        const found = await answers.policyNodes({ namespace, name }, { signal });
        if (found === undefined) throw new CallProblem(status.NOT_FOUND, missing(namespace, name));
        await send(call, nodesCodec.encode({ policy: found.policy }), signal);
        for (const nodes of parts(found.nodes, nodesInAMessage))
          await send(call, nodesCodec.encode({ nodes }), signal);
      },
    },
  ];
}

function readRequest(bytes: Buffer): ReturnType<typeof nodesRequest.decode> {
  try {
    return nodesRequest.decode(bytes);
  } catch {
    throw new CallProblem(status.INVALID_ARGUMENT, "The request cannot be read");
  }
}

function missing(namespace: string, name: string): string {
  return namespace === ""
    ? `There is no policy "${name}" for the whole cluster (one of a namespace needs that)`
    : `There is no policy "${name}" in namespace "${namespace}"`;
}

function* parts<T>(all: readonly T[], size: number): Iterable<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}
