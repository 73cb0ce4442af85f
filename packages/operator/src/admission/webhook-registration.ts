// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  applyObject,
  createReflector,
  type Election,
  type KubeClient,
  type KubeObject,
  WorkQueue,
} from "@gander/kube";
import type { ServingCertificate } from "../identity/serving-certificate.ts";
import type { OnElected, OperatorPart } from "../operator-part.ts";
import {
  type WebhookPlace,
  type WebhookSettings,
  webhookConfiguration,
  webhookConfigurationName,
  webhookConfigurations,
} from "./webhook-configuration.ts";

export type WebhookRegistrationDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly election: Pick<Election, "permit">;
  readonly onElected: OnElected;
  readonly certificate: ServingCertificate;
};

export type WebhookRegistrationOptions = Omit<WebhookSettings, "ca" | "place"> & {
  /** When it is known; before, nothing is registered. */
  readonly place: Promise<WebhookPlace>;
};

type WatchedConfiguration = { readonly uid: string; readonly webhooks: unknown };
type RawConfiguration = KubeObject & { readonly webhooks?: unknown };

/**
 * Tells the API server to ask here, with the authorities that are to be trusted at the time. Whoever
 * changes or deletes the configuration finds it again as it was.
 */
export function createWebhookRegistration(
  { client, logger, election, onElected, certificate }: WebhookRegistrationDeps,
  { place: placed, ...settings }: WebhookRegistrationOptions,
): OperatorPart {
  const key = webhookConfigurationName;
  let place: WebhookPlace | undefined;
  const watch = createReflector<WatchedConfiguration, RawConfiguration>(
    { client, logger },
    {
      resource: webhookConfigurations,
      selection: { fieldSelector: `metadata.name=${key}` },
      project: ({ metadata: { uid }, webhooks }) => ({ uid, webhooks }),
      onChange: () => queue.add(key),
    },
  );
  const queue = new WorkQueue(
    async () => {
      const permit = election.permit();
      const ca = certificate.current()?.ca;
      if (permit === undefined || ca === undefined || place === undefined) return;
      if (!watch.state().synced) return;
      const wanted = webhookConfiguration({ ...settings, place, ca });
      if (covers(watch.store.get(key)?.webhooks, wanted.webhooks)) return;
      const fieldManager = "gander-operator";
      // Whoever else has a say in these fields would send policies past the operator.
      const options = { permit, fieldManager, onConflict: "take" } as const;
      await applyObject(client, webhookConfigurations, wanted, options);
      logger.info("the webhook for policies was registered", { configuration: key });
    },
    {
      onFailure: ({ error, failures }) => {
        if (failures % 20 === 1)
          logger.warn("the webhook for policies could not be registered", { error });
      },
    },
  );
  return {
    name: "webhook-registration",
    async run({ signal }) {
      using _ = certificate.onChange(() => queue.add(key));
      using __ = onElected(() => queue.add(key));
      const synced = watch.whenSynced({ signal }).then(() => queue.add(key));
      void placed.then((found) => {
        place = found;
        queue.add(key);
      });
      await Promise.all([watch.run({ signal }), queue.run({ signal }), synced]);
    },
  };
}

/** Whether what is there has all that is wanted; the API server adds defaults. */
export function covers(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return actual === wanted;
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(wanted) && (!Array.isArray(actual) || actual.length !== wanted.length))
    return false;
  return Object.entries(wanted).every(([name, value]) => covers(Reflect.get(actual, name), value));
}
