// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError, type Logger } from "@gander/base";
import type { OperatorPart } from "../operator-part.ts";
import type { TlsMaterial, WritableCertificate } from "./serving-certificate.ts";

type FileCertificateDeps = {
  readonly logger: Logger;
  readonly certificate: WritableCertificate;
};

type FileCertificateOptions = {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** How often to read the files. File watchers may miss the swap of a mounted Secret. */
  readonly pollMs?: number;
};

/**
 * A certificate in files that another program renews. If they are unusable, such as a half-replaced pair,
 * the previous one stays in use. The first must be valid: else `run` rejects with `operator-tls`.
 */
export function createFileCertificate(
  { logger, certificate }: FileCertificateDeps,
  { pollMs = 10_000, ...files }: FileCertificateOptions,
): OperatorPart {
  return {
    name: "certificates",
    async run({ signal }) {
      certificate.set(await readMaterial(files));
      let isFailing = false;
      while (!signal.aborted) {
        await sleep(pollMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
        try {
          certificate.set(await readMaterial(files));
          if (isFailing) logger.info("The certificate can be read again");
          isFailing = false;
        } catch (error) {
          if (!isFailing)
            logger.warn("The certificate cannot be read; the last one is used", { error });
          isFailing = true;
        }
      }
    },
    whenReady: ({ signal }) => certificate.whenReady({ signal }),
  };
}

async function readMaterial({
  certFile,
  keyFile,
  caFile,
}: Omit<FileCertificateOptions, "pollMs">): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([
    readText(certFile),
    readText(keyFile),
    readText(caFile),
  ]);
  try {
    new X509Certificate(ca);
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
      throw new Error("the key is of another certificate");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError("operator-tls", `Cannot use "${certFile}" with "${keyFile}": ${why}`, {
      hint: "name files in PEM, and the key that belongs to the certificate",
      cause,
    });
  }
  return { cert, key, ca };
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GanderError("operator-tls", `Cannot read "${file}": ${why}`, { cause });
  }
}
