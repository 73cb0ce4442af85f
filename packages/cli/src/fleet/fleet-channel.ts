// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { GanderError } from "@gander/base";
import { KubeError } from "@gander/kube";
import { type ChannelCredentials, type ChannelOptions, credentials, Metadata } from "@grpc/grpc-js";
import type { ClusterAccess } from "./cluster-access.ts";
import type { FleetValues } from "./fleet-options.ts";

/** How the operator is reached. */
export type FleetChannel = {
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
  /** HOST:PORT, for messages. */
  readonly name: string;
};

type ChannelValues = Omit<FleetValues, "timeout" | "kubeconfig" | "context">;

/** Finds authority and token where the options say, or in the cluster. Throws GanderError. */
export async function fleetChannel(
  values: ChannelValues,
  cluster: Pick<ClusterAccess, "client" | "token">,
): Promise<FleetChannel> {
  const [authority, token] = await Promise.all([
    values.operatorCa === "" ? authorityOf(cluster, values) : readPem(values.operatorCa),
    tokenOf(values, cluster),
  ]);
  const bearer = credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    done(null, metadata);
  });
  return {
    target: `dns:${values.operator}`,
    credentials: credentials.combineChannelCredentials(credentials.createSsl(authority), bearer),
    options: {
      "grpc.ssl_target_name_override":
        values.operatorServerName || `gander-operator.${values.operatorNamespace}.svc`,
    },
    name: values.operator,
  };
}

async function tokenOf(
  { operatorToken, token }: ChannelValues,
  cluster: Pick<ClusterAccess, "token">,
): Promise<string> {
  if (operatorToken !== "") return (await readText(operatorToken)).trim();
  return token === "" ? cluster.token() : token;
}

async function readPem(file: string): Promise<Buffer> {
  const text = await readText(file);
  if (!text.includes("-----BEGIN ")) throw badInput(`${file} is not PEM`);
  return Buffer.from(text);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw badInput(`${file} cannot be read`, cause);
  }
}

function badInput(why: string, cause?: unknown): GanderError {
  return new GanderError("client-bad-input", `Cannot ask the operator: ${why}`, {
    hint: "See --help for --operator-ca and --operator-token.",
    cause,
  });
}

/** What the operator itself says in the cluster; sensors take it from there too. */
async function authorityOf(
  cluster: Pick<ClusterAccess, "client">,
  { operatorNamespace }: ChannelValues,
): Promise<Buffer> {
  const { resourcePath } = await import("@gander/kube");
  const name = "gander-operator-ca";
  const where = `ConfigMap ${name} in namespace ${operatorNamespace}`;
  try {
    const client = await cluster.client();
    const { data } = await client.get<{ readonly data?: Readonly<Record<string, string>> }>({
      task: `read the ${where}`,
      path: resourcePath(
        { group: "", version: "v1", plural: "configmaps" },
        { namespace: operatorNamespace, name },
      ),
    });
    const authority = data?.["ca.crt"];
    if (authority === undefined) throw badInput(`the ${where} has no ca.crt`);
    return Buffer.from(authority);
  } catch (error) {
    if (!(error instanceof KubeError) || error.retryable) throw error;
    const hint = `Does the operator run in that namespace (--operator-namespace)? Or give its authorities with --operator-ca.`;
    throw new GanderError(error.code, error.message, { hint, cause: error });
  }
}
