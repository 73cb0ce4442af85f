// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { type KubeClient, resourcePath, unfenced } from "@gander/kube";

export type TokenOptions = {
  readonly serviceAccount: string;
  readonly namespace: string;
  /** The API server's own audience if absent. */
  readonly audience?: string;
  /** 3600 if absent. */
  readonly expirationSeconds?: number;
  /** The token ends with this Pod and names its node. The Pod has the same account. */
  readonly boundPod?: { readonly name: string; readonly uid: string };
};

/** TokenRequest refuses shorter times. */
const leastSeconds = 600;

/** The API server accepts a token for this time after its end, as clocks differ (go-jose's default). */
const leewaySeconds = 60;

/**
 * A token by TokenRequest, as the kubelet mounts it. A token for less than ten minutes is signed
 * again here, with the API server's key and an end so early that the server refuses it in time
 * (up to 10 s later if it accepted it before: it caches).
 */
export async function requestToken(
  client: KubeClient,
  { serviceAccount, namespace, audience, expirationSeconds = 3600, boundPod }: TokenOptions,
  signingKeyFile: string,
): Promise<string> {
  const { status } = await client.write<{ readonly status: { readonly token: string } }>({
    task: `request a token of "${namespace}/${serviceAccount}"`,
    method: "POST",
    permit: unfenced,
    path: resourcePath(
      { group: "", version: "v1", plural: "serviceaccounts" },
      { namespace, name: serviceAccount, subresource: "token" },
    ),
    body: {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        audiences: audience === undefined ? [] : [audience],
        expirationSeconds: Math.max(expirationSeconds, leastSeconds),
        ...(boundPod === undefined
          ? {}
          : { boundObjectRef: { apiVersion: "v1", kind: "Pod", ...boundPod } }),
      },
    },
  });
  if (expirationSeconds >= leastSeconds) return status.token;
  return signedAgain(status.token, expirationSeconds, readFileSync(signingKeyFile, "utf8"));
}

function signedAgain(token: string, expirationSeconds: number, key: string): string {
  const [header, payload] = token.split(".");
  const claims: { iat: number } = JSON.parse(Buffer.from(payload ?? "", "base64url").toString());
  const shorter = { ...claims, exp: claims.iat + expirationSeconds - leewaySeconds };
  const signed = `${header}.${Buffer.from(JSON.stringify(shorter)).toString("base64url")}`;
  // ES256 (RFC 7518): the two numbers in sequence, not in DER.
  const signature = sign("sha256", Buffer.from(signed), {
    key: createPrivateKey(key),
    dsaEncoding: "ieee-p1363",
  });
  return `${signed}.${signature.toString("base64url")}`;
}
