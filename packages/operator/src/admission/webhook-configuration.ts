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

/** Where the API server reaches the operator. */
export type WebhookPlace =
  | { readonly namespace: string; readonly service: string; readonly port: number }
  /** An operator outside the cluster, e.g. `https://operator.example:9443`. */
  | { readonly url: string };

type WebhookSettings = {
  readonly place: WebhookPlace;
  /** PEM of the authorities that sign the operator's certificate. */
  readonly ca: string;
  /** What the API server does with policies when no operator answers. */
  readonly failurePolicy: "Ignore" | "Fail";
};

/** Registers the webhook for every new or changed policy. */
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
