// SPDX-License-Identifier: Apache-2.0
import type { AppliedObject, Kind } from "@gander/kube";
import { policyKinds } from "../api/cluster-resources.ts";
import { validatePath } from "./admission-server.ts";

export const webhookConfigurations: Kind = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
};

export const webhookConfigurationName = "gander-policies";

/** Where the API server finds the operator. */
export type WebhookPlace =
  | { readonly namespace: string; readonly service: string; readonly port: number }
  /** For an operator outside of the cluster, e.g. `https://operator.example:9443`. */
  | { readonly url: string };

export type WebhookSettings = {
  readonly place: WebhookPlace;
  /** PEM of the authorities of the operator's certificate. */
  readonly ca: string;
  /** What happens to policies when no operator answers. */
  readonly failurePolicy: "Ignore" | "Fail";
};

/** Makes the API server ask about each new or changed policy. */
export function webhookConfiguration(settings: WebhookSettings): AppliedObject {
  const { place, ca, failurePolicy } = settings;
  const [{ group, version } = { group: "", version: "" }] = policyKinds;
  const at =
    "url" in place
      ? { url: `${place.url.replace(/\/$/, "")}${validatePath}` }
      : {
          service: {
            namespace: place.namespace,
            name: place.service,
            path: validatePath,
            port: place.port,
          },
        };
  return {
    metadata: {
      name: webhookConfigurationName,
      labels: { "app.kubernetes.io/part-of": "gander" },
    },
    webhooks: [
      {
        name: "policies.gander.dev",
        admissionReviewVersions: ["v1"],
        clientConfig: { ...at, caBundle: Buffer.from(ca).toString("base64") },
        rules: [
          {
            apiGroups: [group],
            apiVersions: [version],
            operations: ["CREATE", "UPDATE"],
            resources: policyKinds.map(({ plural }) => plural),
            scope: "*",
          },
        ],
        failurePolicy,
        matchPolicy: "Equivalent",
        sideEffects: "None",
        timeoutSeconds: 5,
      },
    ],
  };
}
