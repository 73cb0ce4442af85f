// SPDX-License-Identifier: Apache-2.0
import { type ListenAddress, listenAddress } from "../listen-address.ts";
import type { OperatorContext, OperatorPart } from "../operator-part.ts";
import { untilAborted } from "../until-aborted.ts";
import { createAdmissionServer } from "./admission-server.ts";
import type { CheckFleet } from "./fleet-report.ts";
import { createWebhookRegistration } from "./webhook-registration.ts";

/** Answers the API server about policies, and has it ask. */
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
  // A port that the system chose is no Service's.
  if (url === "" && listenAddress(webhookAddress).port === 0) return [webhook];
  const place = listening.promise.then(({ port }) =>
    url === ""
      ? { namespace, service: serviceName, port }
      : { url: url.replace(/:0$/, `:${port}`) },
  );
  const failurePolicy = webhookFailurePolicy === "fail" ? "Fail" : "Ignore";
  return [webhook, createWebhookRegistration(context, { place, failurePolicy })];
}
