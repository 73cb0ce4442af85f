// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";

export type KubeconfigUser =
  | { readonly "client-certificate": string; readonly "client-key": string }
  | { readonly token: string }
  | { readonly tokenFile: string };

/** Writes a kubeconfig with one context; returns `path`. */
export function writeKubeconfig(
  path: string,
  options: {
    readonly server: string;
    readonly caFile: string;
    readonly user: KubeconfigUser;
    readonly namespace?: string;
  },
): string {
  const { server, caFile, user, namespace = "default" } = options;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server, "certificate-authority": caFile } }],
    users: [{ name: "test", user }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
    "current-context": "test",
  };
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  return path;
}
