// SPDX-License-Identifier: Apache-2.0
import { type KubeClient, resourcePath, unfenced } from "@gander/kube";

/** The authentication.k8s.io/v1 TokenReview, only the fields that are read. */
export type TokenReview = {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly audiences?: readonly string[];
    readonly user?: ReviewedUser;
  };
};

export type ReviewedUser = {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
};

/**
 * Asks the API server whose token it is. Without audiences, it must be made for the API server itself.
 * Throws KubeError if the API server is unable to decide now.
 */
export function reviewToken(
  client: KubeClient,
  token: string,
  { task, audiences }: { readonly task: string; readonly audiences: readonly string[] },
): Promise<TokenReview> {
  return client.write<TokenReview>({
    task,
    method: "POST",
    path: resourcePath({ group: "authentication.k8s.io", version: "v1", plural: "tokenreviews" }),
    permit: unfenced,
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, ...(audiences.length > 0 ? { audiences } : {}) },
    },
  });
}
