// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { GanderError } from "@gander/base";
import { type OperatorAddress, parseOperatorAddress } from "../configuration/operator-address.ts";

/** Flags of `gander run`. */
export type OperatorFlags = {
  readonly operator: string;
  readonly operatorCa: string;
  readonly operatorToken: string;
  readonly operatorServerName: string;
  readonly operatorInsecure: boolean;
};

/** How to reach the operator, and how each side verifies the other. */
export type OperatorAccess = {
  readonly address: OperatorAddress;
  /** PEM file of the CA that signed the operator's certificate; undefined: without TLS. */
  readonly caFile: string | undefined;
  readonly tokenFile: string;
  /** The name in the operator's certificate, if it isn't the address. */
  readonly serverName: string | undefined;
};

/** Undefined: the sensor has no operator. Throws a GanderError that names all problems. */
export function operatorAccess(flags: OperatorFlags): OperatorAccess | undefined {
  const { operator, operatorCa, operatorToken, operatorServerName, operatorInsecure } = flags;
  const wrong: string[] = [];
  const isAbsent = operator === "";
  const others = [operatorCa, operatorToken, operatorServerName].some((text) => text !== "");
  if (isAbsent && !others && !operatorInsecure) return undefined;
  const address = parseOperatorAddress(operator);
  if (isAbsent) wrong.push("the flags of an operator are there, but not --operator HOST:PORT");
  else if (address === undefined)
    wrong.push(`"${operator}" is not an address such as gander-operator.gander-system.svc:8443`);
  if (operatorToken === "")
    wrong.push("--operator-token FILE is missing: by its token the operator knows this node");
  if (operatorCa !== "" && operatorInsecure)
    wrong.push("--operator-ca and --operator-insecure contradict each other");
  if (operatorCa === "" && operatorServerName !== "")
    wrong.push("--operator-server-name is for TLS, which takes --operator-ca");
  if (address?.isLocal === false && operatorCa === "" && !operatorInsecure)
    wrong.push(
      `--operator-ca FILE is missing: without it whoever is in between could take the token and change policies at ${address.text}`,
    );
  if (address === undefined || wrong.length > 0)
    throw new GanderError(
      "configuration-bad-value",
      `Cannot connect to an operator: ${wrong.join("; ")}`,
      { hint: "docs/cli.md, section gander run, explains each flag." },
    );
  return {
    address,
    caFile: operatorCa === "" ? undefined : operatorCa,
    tokenFile: operatorToken,
    serverName: operatorServerName === "" ? undefined : operatorServerName,
  };
}

/** The credentials of one connection. */
export type OperatorCredentials = { readonly ca: Buffer | undefined; readonly token: string };

/** Read for each connection: both are replaced while the sensor runs. Throws an Error that names the file. */
export async function readCredentials({
  caFile,
  tokenFile,
}: OperatorAccess): Promise<OperatorCredentials> {
  const [ca, token] = await Promise.all([
    caFile === undefined ? undefined : readNamed(caFile, "--operator-ca"),
    readNamed(tokenFile, "--operator-token"),
  ]);
  if (ca?.includes("-----BEGIN CERTIFICATE-----") === false)
    throw new Error(`${caFile} (--operator-ca) holds no certificate in PEM`);
  const text = token.toString("utf8").trim();
  if (!/^[\x21-\x7e]+$/.test(text))
    throw new Error(`${tokenFile} (--operator-token) holds no token`);
  return { ca, token: text };
}

async function readNamed(file: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} (${flag}) cannot be read: ${why}`);
  }
}
