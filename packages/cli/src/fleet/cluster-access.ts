// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { CredentialSource, KubeClient } from "@gander/kube";
import { VERSION } from "../version.ts";
import type { ClusterValues } from "./fleet-options.ts";

/** The API server, with the user's own rights; everything is loaded on demand. */
export type ClusterAccess = Disposable & {
  client(): Promise<KubeClient>;
  /** The bearer token that the kubeconfig has or gets. Throws GanderError if it goes by another way. */
  token(): Promise<string>;
};

export function clusterAccess({ kubeconfig, context }: ClusterValues): ClusterAccess {
  let source: Promise<CredentialSource> | undefined;
  let client: KubeClient | undefined;
  const credentials = () => {
    source ??= import("@gander/kube").then(({ loadCredentials }) =>
      loadCredentials({
        ...(kubeconfig === "" ? {} : { path: kubeconfig }),
        ...(context === "" ? {} : { context }),
      }),
    );
    return source;
  };
  return {
    async client() {
      const { createKubeClient } = await import("@gander/kube");
      client ??= createKubeClient(await credentials(), { userAgent: `gander/${VERSION}` });
      return client;
    },
    async token() {
      const { headers } = await (await credentials()).read();
      const found = Object.entries(headers).find(
        ([name]) => name.toLowerCase() === "authorization",
      );
      const token = /^Bearer (\S+)$/.exec(found?.[1] ?? "")?.[1];
      if (token !== undefined) return token;
      throw new GanderError(
        "client-no-right",
        "Cannot ask the operator: the kubeconfig has no token, and the operator takes nothing else",
        {
          hint: 'Give one: GANDER_TOKEN="$(kubectl create token NAME -n NAMESPACE --audience gander-operator)", of a service account that may get policystatuses.gander.dev',
        },
      );
    },
    [Symbol.dispose]: () => client?.close(),
  };
}
