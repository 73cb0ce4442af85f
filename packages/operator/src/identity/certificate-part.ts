// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import type { OperatorContext, OperatorPart } from "../operator-part.ts";
import { createFileCertificate } from "./file-certificate.ts";
import { createManagedCertificate } from "./managed-certificate.ts";
import type { WritableCertificate } from "./serving-certificate.ts";

type CertificatePartDeps = Pick<
  OperatorContext,
  "client" | "configuration" | "election" | "logger" | "namespace" | "onElected"
> & { readonly certificate: WritableCertificate };

/**
 * Keeps the certificate up to date: from files if they are configured, else its own. Throws `operator-tls`
 * if only some of the files are configured.
 */
export function createCertificatePart(deps: CertificatePartDeps): OperatorPart {
  const { configuration, namespace } = deps;
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsCaFile: caFile } = configuration;
  const named = [certFile, keyFile, caFile].filter((file) => file !== "");
  if (named.length === 3) return createFileCertificate(deps, { certFile, keyFile, caFile });
  if (named.length > 0)
    throw new GanderError("operator-tls", `Cannot use "${named.join('" and "')}" alone`, {
      hint: "name --tls-cert-file, --tls-key-file and --tls-ca-file, or none of them",
    });
  const { serviceName, tlsSan } = configuration;
  const service = `${serviceName}.${namespace}`;
  return createManagedCertificate(deps, {
    namespace,
    name: "gander-operator-tls",
    fieldManager: "gander-operator",
    names: [`${service}.svc`, serviceName, service, `${service}.svc.cluster.local`, ...tlsSan],
  });
}
