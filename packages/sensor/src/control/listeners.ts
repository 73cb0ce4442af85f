// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { GanderError } from "@gander/base";
import {
  DEFAULT_SERVER_ADDRESS,
  type SensorConfiguration,
} from "../configuration/configuration.ts";
import {
  isLoopback,
  parseServerAddress,
  serverAddressText,
} from "../configuration/server-address.ts";

/** Everything, or only reading. */
export type Access = "all" | "read";

/** An address to listen at, and the calls allowed there. */
export type Listener = { readonly access: Access } & (
  | { readonly unix: string }
  | {
      /** `host:port` */
      readonly tcp: string;
      /** Without it, traffic can be read and changed in transit. */
      readonly tls?: ServerTls;
    }
);

export type ServerTls = {
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Clients must have a certificate signed by one of these. */
  readonly clientAuthorities?: Buffer;
};

type ListenerOptions = Pick<
  SensorConfiguration,
  | "serverAddress"
  | "serverTlsCertFile"
  | "serverTlsKeyFile"
  | "serverTlsClientCaFiles"
  | "serverTlsRequireClientCert"
  | "serverAllowAnonymous"
>;

/**
 * The configured listeners: a socket for root, where everything is allowed, and, if configured, a network
 * address. The interface can delete policies, so over the network only clients with a certificate may change
 * anything, unless the configuration says otherwise. Throws a GanderError that names all problems.
 */
export async function listenersOf(options: ListenerOptions): Promise<readonly Listener[]> {
  const address = parseServerAddress(options.serverAddress);
  const wrong: string[] = [];
  const tls = await readTls(options, wrong);
  if (address === undefined) wrong.push(`"${options.serverAddress}" is not an address`);
  else if ("unix" in address) {
    if (usesTls(options)) wrong.push("TLS is for host:port, a socket of this machine needs none");
  } else if (tls === undefined && !isLoopback(address.host) && !options.serverAllowAnonymous)
    wrong.push(
      `${serverAddressText(address)} can be reached from the network: give --server-tls-cert-file and --server-tls-key-file, or --server-allow-anonymous if everybody there may read events and change policies`,
    );
  if (wrong.length > 0 || address === undefined)
    throw new GanderError("configuration-bad-value", `Cannot listen: ${wrong.join("; ")}`, {
      hint: "docs/events.md, section gRPC, says who may use the interface.",
    });
  if ("unix" in address) return [{ unix: address.unix, access: "all" }];
  const known = tls?.clientAuthorities !== undefined || options.serverAllowAnonymous;
  return [
    { unix: DEFAULT_SERVER_ADDRESS.replace("unix://", ""), access: "all" },
    { tcp: serverAddressText(address), ...(tls && { tls }), access: known ? "all" : "read" },
  ];
}

function usesTls(options: ListenerOptions): boolean {
  return (
    options.serverTlsCertFile !== "" ||
    options.serverTlsKeyFile !== "" ||
    options.serverTlsClientCaFiles.length > 0 ||
    options.serverTlsRequireClientCert
  );
}

async function readTls(options: ListenerOptions, wrong: string[]): Promise<ServerTls | undefined> {
  const { serverTlsCertFile, serverTlsKeyFile, serverTlsClientCaFiles } = options;
  if (!usesTls(options)) return undefined;
  const hasPair = serverTlsCertFile !== "" && serverTlsKeyFile !== "";
  if (!hasPair) wrong.push("--server-tls-cert-file and --server-tls-key-file go together");
  if (options.serverTlsRequireClientCert && serverTlsClientCaFiles.length === 0)
    wrong.push("--server-tls-require-client-cert needs --server-tls-client-ca-files");
  const read = async (file: string): Promise<Buffer> => {
    const bytes = file === "" ? Buffer.alloc(0) : await readFile(file).catch(() => undefined);
    if (bytes === undefined) wrong.push(`${file} cannot be read`);
    else if (file !== "" && !bytes.includes("-----BEGIN ")) wrong.push(`${file} is not PEM`);
    return bytes ?? Buffer.alloc(0);
  };
  const [certificate, key] = [await read(serverTlsCertFile), await read(serverTlsKeyFile)];
  const authorities = await Promise.all(serverTlsClientCaFiles.map(read));
  if (!hasPair || wrong.length > 0) return undefined;
  const clientAuthorities = authorities.length > 0 ? Buffer.concat(authorities) : undefined;
  try {
    createSecureContext({ cert: certificate, key, ca: clientAuthorities });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    wrong.push(`certificate and key do not serve: ${why}`);
  }
  return { certificate, key, ...(clientAuthorities && { clientAuthorities }) };
}
