// SPDX-License-Identifier: Apache-2.0

import type { OperatorConfiguration } from "../configuration.ts";
import { createKeptObject } from "../kept-object.ts";
import { type ListenAddress, listenAddress } from "../listen-address.ts";
import type { OperatorContext, OperatorPart } from "../operator-part.ts";
import type { SessionAnnouncer } from "../sessions/session-announcer.ts";
import { untilAborted } from "../until-aborted.ts";
import { createAdmissionServer } from "./admission-server.ts";
import type { CheckFleet } from "./fleet-report.ts";
import { sessionPathOf } from "./session-path.ts";
import {
  type WebhookPlace,
  webhookConfiguration,
  webhookConfigurationName,
  webhookConfigurations,
} from "./webhook-configuration.ts";

type AdmissionPartsDeps = {
  readonly checkFleet: CheckFleet;
  readonly sessions: SessionAnnouncer;
};

/** Whether the API server can be told where this operator is: a Service can't refer to a port that the system chose. */
export function hasWebhook({
  webhookUrl,
  webhookAddress,
}: Pick<OperatorConfiguration, "webhookUrl" | "webhookAddress">): boolean {
  return webhookUrl !== "" || listenAddress(webhookAddress).port !== 0;
}

/** Serves the API server's reviews, and registers the webhooks that request them. */
export function createAdmissionParts(
  context: OperatorContext,
  { checkFleet, sessions: announcer }: AdmissionPartsDeps,
): readonly OperatorPart[] {
  const { configuration, certificate, logger, namespace, catalog, sets } = context;
  const { webhookAddress, webhookUrl: url, webhookFailurePolicy, serviceName } = configuration;
  const listening = Promise.withResolvers<ListenAddress>();
  const webhook: OperatorPart = {
    name: "webhook",
    async run({ signal }) {
      if (!(await certificate.whenReady({ signal }))) return;
      const where = listenAddress(webhookAddress);
      await using server = await createAdmissionServer(
        {
          logger,
          certificate,
          checkFleet,
          known: { catalog, sets },
          sessions: configuration.sessions ? announcer : undefined,
        },
        where,
      );
      listening.resolve(server.address);
      await untilAborted(signal);
    },
    whenReady: ({ signal }) => Promise.race([listening.promise, untilAborted(signal)]),
  };
  if (!hasWebhook(configuration)) return [webhook];
  const failurePolicy = webhookFailurePolicy === "fail" ? "Fail" : "Ignore";
  const sessionPath = (): string | undefined => {
    const key = certificate.current()?.key;
    return configuration.sessions && key !== undefined ? sessionPathOf(key) : undefined;
  };
  let place: WebhookPlace | undefined;
  const placed = listening.promise.then(({ port }) => {
    place =
      url === ""
        ? { namespace, service: serviceName, port }
        : { url: url.replace(/:0$/, `:${port}`) };
  });
  const registration = createKeptObject(context, {
    what: "the webhooks for policies and sessions",
    kind: webhookConfigurations,
    name: webhookConfigurationName,
    project: ({ webhooks }) => ({ webhooks }),
    wanted: (ca) =>
      place && webhookConfiguration({ place, ca, failurePolicy, sessionPath: sessionPath() }),
    until: placed,
  });
  return [webhook, registration];
}
