// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { GanderError } from "@gander/base";
import { type OperatorAddress, parseOperatorAddress } from "../configuration/operator-address.ts";
import {
  type PublishedAuthorities,
  parseConfigMapName,
  readPublishedAuthorities,
} from "./published-authorities.ts";

/** Flags of `gander run`. */
type OperatorFlags = {
  readonly operator: string;
  readonly operatorCa: string;
  readonly operatorCaConfigmap: string;
  readonly operatorToken: string;
  readonly operatorServerName: string;
  readonly operatorInsecure: boolean;
};

/** How to reach the operator, and how each side verifies the other. */
export type OperatorAccess = {
  readonly address: OperatorAddress;
  /** PEM file of the CA that signed the operator's certificate; undefined: none. */
  readonly caFile: string | undefined;
  /** Where the operator publishes the same; absent with `caFile` undefined: without TLS. */
  readonly published?: PublishedAuthorities;
  readonly tokenFile: string;
  /** The name in the operator's certificate, if it isn't the address. */
  readonly serverName: string | undefined;
};

/** Undefined: the sensor has no operator. Throws a GanderError that names all problems. */
export function operatorAccess(flags: OperatorFlags): OperatorAccess | undefined {
  const { operator, operatorCa, operatorToken, operatorServerName, operatorInsecure } = flags;
  const { operatorCaConfigmap } = flags;
  const published = parseConfigMapName(operatorCaConfigmap);
  const hasTls = operatorCa !== "" || operatorCaConfigmap !== "";
  const wrong: string[] = [];
  const isAbsent = operator === "";
  const others = [operatorCa, operatorCaConfigmap, operatorToken, operatorServerName].some(
    (text) => text !== "",
  );
  if (isAbsent && !others && !operatorInsecure) return undefined;
  const address = parseOperatorAddress(operator);
  if (isAbsent) wrong.push("the flags of an operator are there, but not --operator HOST:PORT");
  else if (address === undefined)
    wrong.push(`"${operator}" is not an address such as gander-operator.gander-system.svc:8443`);
  if (operatorToken === "")
    wrong.push("--operator-token FILE is missing: by its token the operator knows this node");
  if (operatorCaConfigmap !== "" && published === undefined)
    wrong.push(`--operator-ca-configmap is NAMESPACE/NAME, not "${operatorCaConfigmap}"`);
  if (hasTls && operatorInsecure)
    wrong.push("--operator-ca and --operator-insecure contradict each other");
  if (!hasTls && operatorServerName !== "")
    wrong.push("--operator-server-name is for TLS, which takes --operator-ca");
  if (address?.isLocal === false && !hasTls && !operatorInsecure)
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
    ...(published && { published }),
    tokenFile: operatorToken,
    serverName: operatorServerName === "" ? undefined : operatorServerName,
  };
}

/** The credentials of one connection. */
export type OperatorCredentials = { readonly ca: Buffer | undefined; readonly token: string };

/** Which authorities to read: `published` if those of the file have just been refused. */
export type AuthoritySource = "file" | "published";

/**
 * Read for each connection: both are replaced while the sensor runs. Throws NotYetError if the operator has
 * not published its authorities, else an Error that names the file.
 */
export async function readCredentials(
  access: OperatorAccess,
  from: AuthoritySource = "file",
): Promise<OperatorCredentials> {
  const { tokenFile } = access;
  const [ca, token] = await Promise.all([
    readAuthorities(access, from),
    readNamed(tokenFile, "--operator-token"),
  ]);
  const text = token.toString("utf8").trim();
  if (!/^[\x21-\x7e]+$/.test(text))
    throw new Error(`${tokenFile} (--operator-token) holds no token`);
  return { ca, token: text };
}

/** A mounted ConfigMap shows a change only minutes later: until then the API server has it. */
async function readAuthorities(
  { address, caFile, published }: OperatorAccess,
  from: AuthoritySource,
): Promise<Buffer | undefined> {
  const isThere = caFile !== undefined && existsSync(caFile);
  if (published !== undefined && (from === "published" || !isThere))
    return readPublishedAuthorities(published, address);
  if (caFile === undefined) return undefined;
  const ca = await readNamed(caFile, "--operator-ca");
  if (!ca.includes("-----BEGIN CERTIFICATE-----"))
    throw new Error(`${caFile} (--operator-ca) holds no certificate in PEM`);
  return ca;
}

async function readNamed(file: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${file} (${flag}) cannot be read: ${why}`);
  }
}
