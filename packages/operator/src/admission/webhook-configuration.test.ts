// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { covers } from "../kept-object.ts";
import { webhookConfiguration } from "./webhook-configuration.ts";

const settings = {
  place: { namespace: "gander-system", service: "gander-operator", port: 9443 },
  ca: "one",
  failurePolicy: "Ignore",
  sessionPath: "/sessions/secret",
} as const;
const { webhooks } = webhookConfiguration(settings);
/** The API server adds what wasn't said. */
const stored = () => {
  const all = structuredClone(webhooks) as Record<string, unknown>[];
  return all.map((one) => ({ ...one, namespaceSelector: {}, objectSelector: {} }));
};

it("is satisfied with what the API server makes of it", () => {
  expect(covers(stored(), webhooks)).toBe(true);
});

it.each<[string, unknown]>([
  ["it isn't there", undefined],
  ["another's is there as well", [...stored(), { name: "other" }]],
  ["other authorities", webhookConfiguration({ ...settings, ca: "two" }).webhooks],
  ["another policy", webhookConfiguration({ ...settings, failurePolicy: "Fail" }).webhooks],
  ["another place", webhookConfiguration({ ...settings, place: { url: "https://a:1/" } }).webhooks],
  ["without sessions", webhookConfiguration({ ...settings, sessionPath: undefined }).webhooks],
  ["fewer operations", JSON.parse(JSON.stringify(stored()).replace('"CREATE",', ""))],
])("is not: %s", (_, actual) => {
  expect(covers(actual, webhooks)).toBe(false);
});

it("names the address it is to be reached at", () => {
  const { webhooks: ours } = webhookConfiguration({ ...settings, place: { url: "https://a:1/" } });
  expect(ours).toMatchObject([
    { clientConfig: { url: "https://a:1/validate" } },
    { clientConfig: { url: "https://a:1/sessions/secret" } },
  ]);
});

it("never lets a session depend on the operator, whatever policies do", () => {
  const { webhooks: all } = webhookConfiguration({ ...settings, failurePolicy: "Fail" });
  expect(all).toMatchObject([
    { name: "policies.gander.dev", failurePolicy: "Fail" },
    { name: "sessions.gander.dev", failurePolicy: "Ignore", timeoutSeconds: 1 },
  ]);
});
