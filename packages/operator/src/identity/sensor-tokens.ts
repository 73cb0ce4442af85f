// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import type { Logger } from "@gander/base";
import { type KubeClient, KubeError } from "@gander/kube";
import type { VerifySensor } from "../sensors/sensor-server.ts";
import { createAnswerCache } from "./answer-cache.ts";
import { createGate } from "./gate.ts";
import { reviewToken, type TokenReview } from "./token-review.ts";

type SensorTokensDeps = { readonly client: KubeClient; readonly logger: Logger };

export type SensorTokensOptions = {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly audience: string;
  /** How long an answer is cached; a refusal for less, because the token may have just been made. */
  readonly acceptedMs?: number;
  readonly refusedMs?: number;
  /** Concurrent reviews: a fleet that reconnects must not flood the API server. */
  readonly concurrency?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
};

type Answer = Awaited<ReturnType<VerifySensor>>;

/** In tokens of pods since Kubernetes 1.30 (KEP-4193). */
const nodeNameClaim = "authentication.kubernetes.io/node-name";
const cachedAnswers = 20_000;

/**
 * Asks the API server whose token it is. It accepts tokens made for the operator, owned by the sensors'
 * service account and bound to a pod, whose node the API server names. Throws KubeError if the API server
 * is unable to decide now.
 */
export function createSensorTokens(
  { client, logger }: SensorTokensDeps,
  options: SensorTokensOptions,
): VerifySensor {
  const { acceptedMs = 60_000, refusedMs = 5_000, concurrency = 64 } = options;
  const cache = createAnswerCache<Answer>({
    size: cachedAnswers,
    lifeMs: (answer) => (answer.problem === undefined ? acceptedMs : refusedMs),
    ...(options.now && { now: options.now }),
  });
  const gate = createGate(concurrency);
  const asked = { task: "review a sensor's token", audiences: [options.audience] };
  let isFailing = false;
  const review = async (token: string): Promise<Answer> => {
    try {
      const answer = judge(await gate(() => reviewToken(client, token, asked)), options);
      if (isFailing) logger.info("Sensors can be verified again");
      isFailing = false;
      return answer;
    } catch (error) {
      if (!isFailing) logger.error("Sensors cannot be verified", { error });
      isFailing = true;
      throw error;
    }
  };
  return async ({ token }, { signal }) => {
    signal.throwIfAborted();
    // Tokens are secrets: none is stored.
    const key = hash("sha256", token, "base64url");
    return cache(key, () => review(token));
  };
}

function judge({ status }: TokenReview, options: SensorTokensOptions): Answer {
  if (status === undefined)
    throw new KubeError(
      "kube-protocol",
      "Cannot review a sensor's token: the answer has no status",
    );
  const { namespace, serviceAccount, audience } = options;
  if (status.authenticated !== true)
    return {
      problem: "The API server doesn't accept the token, or it wasn't made for the operator",
    };
  // Empty: the API server doesn't support audiences, so the token isn't bound to one.
  if (status.audiences?.includes(audience) !== true)
    return { problem: `The token must be made for the audience "${audience}"` };
  const expected = `system:serviceaccount:${namespace}:${serviceAccount}`;
  if (status.user?.username !== expected)
    return {
      problem: `The token must be one of the service account ${namespace}/${serviceAccount}`,
    };
  const nodes = status.user.extra?.[nodeNameClaim] ?? [];
  const [node] = nodes;
  if (nodes.length !== 1 || node === undefined || node === "")
    return {
      problem:
        "The token names no node: it must be projected into a pod, by Kubernetes 1.30 or later",
    };
  return { node };
}
