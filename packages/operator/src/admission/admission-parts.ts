// SPDX-License-Identifier: Apache-2.0

import { createKeptObject } from "../kept-object.ts";
import { type ListenAddress, listenAddress } from "../listen-address.ts";
import type { OperatorContext, OperatorPart } from "../operator-part.ts";
import { untilAborted } from "../until-aborted.ts";
import { createAdmissionServer } from "./admission-server.ts";
import type { CheckFleet } from "./fleet-report.ts";
import {
  type WebhookPlace,
  webhookConfiguration,
  webhookConfigurationName,
  webhookConfigurations,
} from "./webhook-configuration.ts";

/** Serves the API server's policy reviews, and registers the webhook that requests them. */
export function createAdmissionParts(
  context: OperatorContext,
  checkFleet: CheckFleet,
): readonly OperatorPart[] {
  const { configuration, certificate, logger, namespace } = context;
  const { webhookAddress, webhookUrl: url, webhookFailurePolicy, serviceName } = configuration;
  const listening = Promise.withResolvers<ListenAddress>();
  const webhook: OperatorPart = {
    name: "webhook",
    async run({ signal }) {
      if (!(await certificate.whenReady({ signal }))) return;
      const where = listenAddress(webhookAddress);
      await using server = await createAdmissionServer({ logger, certificate, checkFleet }, where);
      listening.resolve(server.address);
      await untilAborted(signal);
    },
    whenReady: ({ signal }) => Promise.race([listening.promise, untilAborted(signal)]),
  };
  // A Service cannot refer to a port that the system chose.
  if (url === "" && listenAddress(webhookAddress).port === 0) return [webhook];
  const failurePolicy = webhookFailurePolicy === "fail" ? "Fail" : "Ignore";
  let place: WebhookPlace | undefined;
  const placed = listening.promise.then(({ port }) => {
    place =
      url === ""
        ? { namespace, service: serviceName, port }
        : { url: url.replace(/:0$/, `:${port}`) };
  });
  const registration = createKeptObject(context, {
    what: "the webhook for policies",
    kind: webhookConfigurations,
    name: webhookConfigurationName,
    project: ({ webhooks }) => ({ webhooks }),
    wanted: (ca) => place && webhookConfiguration({ place, ca, failurePolicy }),
    until: placed,
  });
  return [webhook, registration];
}
