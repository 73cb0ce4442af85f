// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from "node:timers/promises";
import type { CompiledPolicy, RequestAction } from "@gander/policy";
import { describe, expect, it } from "vitest";
import { createPolicyRequests } from "./policy-requests.ts";
import type { Send } from "./send-request.ts";

const page: RequestAction = { action: "get-url", url: "http://canary.example/" };
const name: RequestAction = { action: "dns-lookup", name: "canary.example" };
const asker = { policyName: "canary", policyNamespace: "", pid: 5 };
const inForce = (...actions: readonly RequestAction[]) => ({
  key: { name: "canary", namespace: "" },
  compiled: {
    hooks: [{ selectors: [{ actions, returnActions: [] }] }],
  } as unknown as Pick<CompiledPolicy, "hooks">,
});

/** Requests that end when the test says so. */
function controlled(allowed: readonly string[] = ["http", "dns"]) {
  const pending: {
    readonly request: RequestAction;
    readonly signal: AbortSignal;
    end(error?: Error): void;
  }[] = [];
  const warned: string[] = [];
  const send: Send = (request, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      pending.push({
        ...{ request, signal },
        end: (error) => (error === undefined ? resolve() : reject(error)),
      });
    });
  const clock = { ms: 0 };
  const logger = { warn: (text: string) => void warned.push(text) } as never;
  const requests = createPolicyRequests(
    { send, logger, now: () => clock.ms },
    { allowed, ownPid: 7 },
  );
  return { requests, pending, warned, clock };
}

describe("requests of policies", () => {
  it("are off unless they are allowed, and the policy's state says how to allow them", () => {
    const { requests, pending } = controlled(["dns"]);
    expect(requests.offer(page, asker)).toBe(false);
    expect(requests.offer(name, asker)).toBe(true);
    expect(pending.map(({ request }) => request)).toEqual([name]);
    expect(requests.counts().http).toEqual({ done: 0, failed: 0, dropped: 0, off: 1 });
    expect(requests.remarksOn(inForce(page, name))).toEqual([
      "GetUrl is off on this node: allow it by --policy-requests http",
    ]);
    expect(requests.remarksOn(inForce())).toEqual([]);
  });

  it("are made four at a time, in their order", async () => {
    const { requests, pending } = controlled();
    const urls = Array.from({ length: 6 }, (_, i) => `http://canary.example/${i}`);
    for (const url of urls) requests.offer({ action: "get-url", url }, asker);
    expect(pending.length).toBe(4);
    pending[1]?.end();
    await turn();
    expect(pending.map(({ request }) => "url" in request && request.url)).toEqual(urls.slice(0, 5));
    expect(requests.counts().http).toMatchObject({ done: 1, failed: 0, dropped: 0 });
  });

  it("are not made faster than a policy may ask, and what is dropped is shown", () => {
    const { requests, warned, clock } = controlled();
    const made = () => Array.from({ length: 20 }, () => requests.offer(name, asker));
    expect(made().filter(Boolean).length).toBe(10);
    clock.ms += 2_500;
    expect(made().filter(Boolean).length).toBe(2);
    expect(requests.offer(name, { ...asker, policyName: "other" })).toBe(true);
    expect(requests.counts().dns.dropped).toBe(28);
    expect(warned.length).toBe(1);
    expect(requests.remarksOn(inForce(name))).toEqual([
      "28 requests were not made: a policy may ask for one a second, after the first 10",
    ]);
  });

  it("wait in a queue with an end", () => {
    const { requests } = controlled();
    const offers = Array.from({ length: 300 }, (_, i) =>
      requests.offer(name, { ...asker, policyName: `p${i}` }),
    );
    expect(offers.filter(Boolean).length).toBe(256 + 4);
    expect(requests.counts().dns.dropped).toBe(40);
  });

  it("are not made for what the sensor itself does", () => {
    const { requests, pending } = controlled();
    expect(requests.offer(page, { ...asker, pid: 7 })).toBe(false);
    expect(pending).toEqual([]);
    expect(requests.counts().http.dropped).toBe(1);
  });

  it("that fail are counted", async () => {
    const { requests, pending } = controlled();
    requests.offer(page, asker);
    pending[0]?.end(new Error("refused"));
    await turn();
    expect(requests.counts().http).toMatchObject({ done: 0, failed: 1 });
    expect(requests.remarksOn(inForce(page)).join()).toMatch(/^1 requests failed/);
  });

  it("end with the sensor", async () => {
    const { requests, pending } = controlled();
    for (let i = 0; i < 6; i++) requests.offer(page, asker);
    requests[Symbol.dispose]();
    await turn();
    expect(pending.every(({ signal }) => signal.aborted)).toBe(true);
    expect(requests.counts().http).toEqual({ done: 0, failed: 4, dropped: 2, off: 0 });
    expect(requests.offer(page, asker)).toBe(false);
  });
});
