// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { GanderError } from "@gander/base";
import { parseServerAddress, serverAddressText } from "@gander/sensor/server-address";
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import type { ClientValues } from "./client-options.ts";

/** How a sensor is reached. */
export type SensorChannel = {
  /** As the gRPC library takes it. */
  readonly target: string;
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
  /** For messages. */
  readonly name: string;
  /** Of a socket of this machine. */
  readonly path: string | undefined;
};

type ChannelValues = Omit<ClientValues, "timeout">;

/** Reads the files that a connection needs; throws GanderError that names everything that is wrong. */
export async function sensorChannel(values: ChannelValues): Promise<SensorChannel> {
  const address = parseServerAddress(values.serverAddress);
  const wrong: string[] = [];
  // Options for TLS may stand in the environment: a socket of this machine needs none.
  if (address !== undefined && "unix" in address) return socketChannel(address.unix);
  const tls = usesTls(values);
  if (address === undefined) wrong.push(`"${values.serverAddress}" is not an address`);
  if ((values.tlsCertFile === "") !== (values.tlsKeyFile === ""))
    wrong.push("--tls-cert-file and --tls-key-file go together");
  if (values.tlsSkipVerify && values.tlsCaCertFiles.length > 0)
    wrong.push("--tls-skip-verify asks for no authority, --tls-ca-cert-files names some");
  const own = tls && wrong.length === 0 ? await tlsCredentials(values, wrong) : undefined;
  if (wrong.length > 0 || address === undefined)
    throw new GanderError("client-bad-input", `Cannot connect: ${wrong.join("; ")}`, {
      hint: "See --help for --server-address and the options for TLS.",
    });
  const name = serverAddressText(address);
  const serverName = values.tlsServerName;
  return {
    target: `dns:${name}`,
    credentials: own ?? credentials.createInsecure(),
    options: serverName === "" ? {} : { "grpc.ssl_target_name_override": serverName },
    name,
    path: undefined,
  };
}

/** By the socket at `path` on this machine. */
export function socketChannel(path: string): SensorChannel {
  return {
    target: `unix:${path}`,
    credentials: credentials.createInsecure(),
    // The path of a socket is no host name; some servers look at it.
    options: { "grpc.default_authority": "localhost" },
    name: path,
    path,
  };
}

function usesTls(values: ChannelValues): boolean {
  const { tlsCertFile, tlsKeyFile, tlsServerName } = values;
  const texts = [tlsCertFile, tlsKeyFile, tlsServerName, ...values.tlsCaCertFiles];
  return values.tlsSkipVerify || texts.some((text) => text !== "");
}

async function tlsCredentials(
  values: ChannelValues,
  wrong: string[],
): Promise<ChannelCredentials | undefined> {
  const read = async (file: string): Promise<Buffer | null> => {
    if (file === "") return null;
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes === undefined) wrong.push(`${file} cannot be read`);
    else if (!bytes.includes("-----BEGIN ")) wrong.push(`${file} is not PEM`);
    return bytes ?? null;
  };
  const authorities = await Promise.all(values.tlsCaCertFiles.map(read));
  const [certificate, key] = [await read(values.tlsCertFile), await read(values.tlsKeyFile)];
  if (wrong.length > 0) return undefined;
  try {
    return credentials.createSsl(
      authorities.length === 0 ? null : Buffer.concat(authorities.flatMap((one) => one ?? [])),
      key,
      certificate,
      values.tlsSkipVerify ? { rejectUnauthorized: false } : {},
    );
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
