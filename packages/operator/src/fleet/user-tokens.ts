// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import type { Logger } from "@gander/base";
import { type KubeClient, resourcePath, unfenced } from "@gander/kube";
import { createAnswerCache } from "../identity/answer-cache.ts";
import { createGate } from "../identity/gate.ts";
import { type ReviewedUser, reviewToken } from "../identity/token-review.ts";

/** The permission that a call needs, in RBAC terms. */
export type Right = { readonly verb: string; readonly resource: string };

/** The user; or why the answer is no, and whether another token might help. */
type UserAnswer =
  | { readonly user: string; readonly problem?: never }
  | { readonly problem: string; readonly reason: "unauthenticated" | "forbidden" };

/** Throws KubeError if the API server is unable to decide now. */
export type VerifyUser = (token: string, right: Right) => Promise<UserAnswer>;

type UserTokensOptions = {
  /** Tokens must be made for this, or for the API server itself. */
  readonly audience: string;
  readonly acceptedMs?: number;
  readonly refusedMs?: number;
};

/**
 * The API server decides whose token it is and what its owner may do: `get` on policystatuses and `watch`
 * on events, a resource of gander.dev that exists in RBAC alone.
 */
export function createUserTokens(
  { client, logger }: { readonly client: KubeClient; readonly logger: Logger },
  { audience, acceptedMs = 30_000, refusedMs = 5_000 }: UserTokensOptions,
): VerifyUser {
  const cache = createAnswerCache<UserAnswer>({
    size: 1_000,
    lifeMs: (answer) => (answer.problem === undefined ? acceptedMs : refusedMs),
  });
  const gate = createGate(16);
  const ask = async (token: string, right: Right): Promise<UserAnswer> => {
    // For a token bound to another audience, the API server reveals nothing.
    const user = (await review(client, token, [audience])) ?? (await review(client, token, []));
    if (user === undefined)
      return {
        problem: "The API server doesn't accept the token",
        reason: "unauthenticated",
      };
    const name = user.username ?? "";
    if (await mayDo(client, user, right)) return { user: name };
    logger.info("A caller lacks the right to ask about the fleet", { user: name, ...right });
    return {
      problem: `"${name}" may not ${right.verb} ${right.resource}.gander.dev in the whole cluster`,
      reason: "forbidden",
    };
  };
  return (token, right) => {
    // Tokens are secrets: none is stored.
    const key = hash("sha256", `${right.verb} ${right.resource} ${token}`, "base64url");
    return cache(key, () => gate(() => ask(token, right)));
  };
}

async function review(
  client: KubeClient,
  token: string,
  audiences: readonly string[],
): Promise<ReviewedUser | undefined> {
  const { status } = await reviewToken(client, token, { task: "review a user's token", audiences });
  return status?.authenticated === true ? status.user : undefined;
}

async function mayDo(client: KubeClient, user: ReviewedUser, right: Right): Promise<boolean> {
  const { status } = await client.write<{ readonly status?: { readonly allowed?: boolean } }>({
    task: "review what a user may do",
    method: "POST",
    path: resourcePath({
      group: "authorization.k8s.io",
      version: "v1",
      plural: "subjectaccessreviews",
    }),
    permit: unfenced,
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        resourceAttributes: { group: "gander.dev", version: "*", ...right },
        user: user.username,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
      },
    },
  });
  return status?.allowed === true;
}
