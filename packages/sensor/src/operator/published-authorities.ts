// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { connect, isIPv6 } from "node:net";
import { join } from "node:path";
import type { OperatorAddress } from "../configuration/operator-address.ts";

/** The ConfigMap with the operator's authorities in `ca.crt`, as the API server has it now. */
export type PublishedAuthorities = {
  readonly namespace: string;
  readonly name: string;
  /** `KUBERNETES_SERVICE_HOST` and `_PORT`; of this process if absent. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The pod's service account (Kubernetes docs, "Accessing the API from a Pod"); where the kubelet mounts it if absent. */
  readonly directory?: string;
};

/** Something that other programs bring about in time: no reason to act. */
export class NotYetError extends Error {}

const timeoutMs = 5_000;
const mostBytes = 1024 * 1024;

/** Reads `NAMESPACE/NAME`; undefined if it is none. */
export function parseConfigMapName(text: string): PublishedAuthorities | undefined {
  const [, namespace = "", name = ""] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? [];
  return name === "" ? undefined : { namespace, name };
}

/**
 * The authorities in PEM. Throws NotYetError if the operator does not listen yet, so that sensors that wait
 * for it leave the API server alone, or if it has not published them; else an Error that says what is wrong.
 */
export async function readPublishedAuthorities(
  published: PublishedAuthorities,
  operator: OperatorAddress,
): Promise<Buffer> {
  await checkListening(operator);
  const { status, body } = await askApiServer(published);
  const { namespace, name } = published;
  const what = `the ConfigMap ${namespace}/${name} (--operator-ca-configmap)`;
  if (status === 404) throw new NotYetError(`${what} does not exist yet: the operator makes it`);
  if (status !== 200)
    throw new Error(`${what} cannot be read: the API server answers ${status}: ${messageOf(body)}`);
  const ca: unknown = Object(Object(JSON.parse(body)).data)["ca.crt"];
  if (typeof ca !== "string" || ca === "") throw new NotYetError(`${what} has no ca.crt yet`);
  return Buffer.from(ca);
}

async function checkListening({ target, text }: OperatorAddress): Promise<void> {
  const where = /^unix:(.*)$/.exec(target)?.[1];
  const [, host = "", port = ""] = /^dns:(.*):(\d+)$/.exec(target) ?? [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const plainHost = host.replace(/^\[(.*)\]$/, "$1");
  const socket = where === undefined ? connect(Number(port), plainHost) : connect(where);
  socket.setTimeout(timeoutMs, () =>
    socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
  );
  socket.once("connect", resolve);
  socket.once("error", (error: NodeJS.ErrnoException) =>
    reject(new NotYetError(`${text} does not answer: ${error.code ?? error.message}`)),
  );
  try {
    await promise;
  } finally {
    socket.destroy();
  }
}

type Answer = { readonly status: number; readonly body: string };

async function askApiServer({
  namespace,
  name,
  environment = process.env,
  directory = "/var/run/secrets/kubernetes.io/serviceaccount",
}: PublishedAuthorities): Promise<Answer> {
  const host = environment.KUBERNETES_SERVICE_HOST ?? "";
  if (host === "")
    throw new Error("the API server is not known: KUBERNETES_SERVICE_HOST is not set");
  const port = environment.KUBERNETES_SERVICE_PORT ?? "443";
  const [token, ca] = await Promise.all([
    readFile(join(directory, "token"), "utf8"),
    readFile(join(directory, "ca.crt")),
  ]);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const call = request(
    {
      ...{ host, port, ca, servername: isIPv6(host) || /^[\d.]+$/.test(host) ? "" : host },
      path: `/api/v1/namespaces/${namespace}/configmaps/${name}`,
      headers: { authorization: `Bearer ${token.trim()}`, accept: "application/json" },
      // One call in the life of most sensors: nothing to keep.
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    },
    (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > mostBytes) call.destroy(new Error("the API server's answer is too long"));
      });
      response.once("error", reject);
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    },
  );
  call.once("error", (cause) =>
    reject(new Error(`the API server at ${host} cannot be reached: ${cause.message}`, { cause })),
  );
  call.end();
  return promise;
}

function messageOf(body: string): string {
  try {
    return String(Object(JSON.parse(body)).message ?? "");
  } catch {
    return body.slice(0, 200);
  }
}
