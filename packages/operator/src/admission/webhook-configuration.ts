// SPDX-License-Identifier: Apache-2.0
import type { AppliedObject, Kind } from "@gander/kube";
import { policyKinds } from "../api/cluster-resources.ts";
import { exceptionResources } from "../exceptions/watch-exceptions.ts";
import { valueSets } from "../sets/watch-value-sets.ts";
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
  /** Where the API server reports sessions in pods; undefined: it doesn't. */
  readonly sessionPath: string | undefined;
};

/** Registers the webhook for every new or changed policy, ValueSet or exception, and the one for sessions. */
export function webhookConfiguration(settings: WebhookSettings): AppliedObject {
  const { failurePolicy, sessionPath } = settings;
  return {
    metadata: {
      name: webhookConfigurationName,
      labels: { "app.kubernetes.io/part-of": "gander" },
    },
    webhooks: [
      {
        name: "policies.gander.dev",
        admissionReviewVersions: ["v1"],
        clientConfig: clientConfig(settings, validatePath),
        rules: [...policyKinds, valueSets, ...exceptionResources].map(
          ({ group, version, plural }) => ({
            apiGroups: [group],
            apiVersions: [version],
            operations: ["CREATE", "UPDATE"],
            resources: [plural],
            scope: "*",
          }),
        ),
        failurePolicy,
        matchPolicy: "Equivalent",
        sideEffects: "None",
        timeoutSeconds: 5,
      },
      ...(sessionPath === undefined ? [] : [sessionWebhook(settings, sessionPath)]),
    ],
  };
}

/** It allows everything, and nothing depends on it: if no operator answers, the session begins without it. */
function sessionWebhook(settings: WebhookSettings, path: string): object {
  const pods = { apiGroups: [""], apiVersions: ["v1"], scope: "Namespaced" };
  return {
    name: "sessions.gander.dev",
    admissionReviewVersions: ["v1"],
    clientConfig: clientConfig(settings, path),
    rules: [
      {
        ...pods,
        operations: ["CONNECT"],
        resources: ["pods/exec", "pods/attach", "pods/portforward"],
      },
      { ...pods, operations: ["UPDATE"], resources: ["pods/ephemeralcontainers"] },
    ],
    failurePolicy: "Ignore",
    matchPolicy: "Equivalent",
    sideEffects: "NoneOnDryRun",
    // The least that the API server accepts.
    timeoutSeconds: 1,
  };
}

function clientConfig({ place, ca }: WebhookSettings, path: string): object {
  const at =
    "url" in place
      ? { url: `${place.url.replace(/\/$/, "")}${path}` }
      : {
          service: {
            ...{ namespace: place.namespace, name: place.service },
            path,
            port: place.port,
          },
        };
  return { ...at, caBundle: Buffer.from(ca).toString("base64") };
}
