// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  actionRow,
  type CompiledPolicy,
  type RequestAction,
  requestKinds,
  requestsOf,
} from "@gander/policy";
import type { Send } from "./send-request.ts";

type RequestKind = (typeof requestKinds)[number];

/** done: a server has answered, whatever it said. off: the configuration does not allow it. */
const outcomes = ["done", "failed", "dropped", "off"] as const;
type Outcome = (typeof outcomes)[number];
type Counts = Readonly<Record<Outcome, number>>;

/** Makes the requests that actions of policies ask for: later, few at a time, and never for long. */
export interface PolicyRequests extends Disposable {
  /** Whether the request will be made. */
  readonly offer: (request: RequestAction, asker: Asker) => boolean;
  /** What a user of the policy should know about its requests. */
  readonly remarksOn: (policy: PolicyInForce) => readonly string[];
  counts(): Readonly<Record<RequestKind, Counts>>;
}

type PolicyInForce = {
  readonly key: { readonly name: string; readonly namespace: string };
  readonly compiled: Pick<CompiledPolicy, "hooks">;
};
type PolicyName = { readonly policyName: string; readonly policyNamespace: string };
type Asker = PolicyName & { readonly pid: number };

type Deps = {
  readonly send?: Send;
  readonly logger: Logger;
  /** In milliseconds, never set back. */
  readonly now?: () => number;
};

type Options = {
  readonly allowed: readonly string[];
  /** A request of the sensor itself that a policy matches would ask for the next one. */
  readonly ownPid?: number;
};

const limits = {
  waiting: 256,
  atOnce: 4,
  ms: 5_000,
  /** Of each policy: so many at once, and one more each second. */
  burst: 10,
  perMs: 1 / 1_000,
  /** Policies whose rates and counts are known. */
  policies: 1_024,
};

/** Loaded when it is needed: few nodes allow any. */
const sendLater: Send = async (request, signal) => {
  const { createSender } = await import("./send-request.ts");
  return createSender()(request, signal);
};

export function createPolicyRequests(deps: Deps, options: Options): PolicyRequests {
  return new Requests(deps, options);
}

type KnownPolicy = { tokens: number; at: number; failed: number; dropped: number };
type Waiting = { readonly request: RequestAction; readonly policy: KnownPolicy };

class Requests implements PolicyRequests {
  readonly #send: Send;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #allowed: ReadonlySet<string>;
  readonly #ownPid: number;
  readonly #policies = new Map<string, KnownPolicy>();
  readonly #waiting: Waiting[] = [];
  readonly #stop = new AbortController();
  readonly #counts = Object.fromEntries(
    requestKinds.map((kind) => [kind, { done: 0, failed: 0, dropped: 0, off: 0 }]),
  ) as Record<RequestKind, Record<Outcome, number>>;
  #running = 0;

  constructor(
    { send = sendLater, logger, now = () => performance.now() }: Deps,
    { allowed, ownPid = process.pid }: Options,
  ) {
    this.#send = send;
    this.#logger = logger;
    this.#now = now;
    this.#allowed = new Set(allowed);
    this.#ownPid = ownPid;
  }

  readonly offer = (request: RequestAction, asker: Asker): boolean => {
    const kind = kindOf(request);
    if (!this.#allowed.has(kind)) {
      this.#counts[kind].off++;
      return false;
    }
    const policy = this.#policyOf(asker);
    const isOwn = asker.pid === this.#ownPid;
    const isFull = this.#waiting.length >= limits.waiting || this.#stop.signal.aborted;
    if (isOwn || isFull || !this.#takeToken(policy)) {
      if (policy.dropped === 0)
        this.#logger.warn("A policy asks for more requests than are made; its state counts them", {
          policy: asker.policyName,
          namespace: asker.policyNamespace,
        });
      this.#count({ request, policy }, "dropped");
      return false;
    }
    this.#waiting.push({ request, policy });
    this.#next();
    return true;
  };

  readonly remarksOn = ({ key, compiled }: PolicyInForce): readonly string[] => {
    const requests = compiled.hooks.flatMap(({ selectors }) => selectors.flatMap(requestsOf));
    if (requests.length === 0) return [];
    const policy = { policyName: key.name, policyNamespace: key.namespace };
    const kinds = new Set(requests.map(kindOf));
    const off = requestKinds
      .filter((kind) => kinds.has(kind) && !this.#allowed.has(kind))
      .map(
        (kind) => `${actionOf[kind]} is off on this node: allow it by --policy-requests ${kind}`,
      );
    const { failed = 0, dropped = 0 } = this.#policies.get(keyOf(policy)) ?? {};
    return [
      ...off,
      ...(failed === 0
        ? []
        : [`${failed} requests failed: no answer within 5 s, or none that is of use`]),
      ...(dropped === 0
        ? []
        : [
            `${dropped} requests were not made: a policy may ask for one a second, after the first 10`,
          ]),
    ];
  };

  counts(): Readonly<Record<RequestKind, Counts>> {
    return this.#counts;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    for (const one of this.#waiting.splice(0)) this.#count(one, "dropped");
  }

  #count({ request, policy }: Waiting, outcome: Outcome): void {
    this.#counts[kindOf(request)][outcome]++;
    if (outcome === "failed" || outcome === "dropped") policy[outcome]++;
  }

  #policyOf(asker: Asker): KnownPolicy {
    const key = keyOf(asker);
    const known = this.#policies.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#policies.keys();
    if (this.#policies.size >= limits.policies && oldest !== undefined)
      this.#policies.delete(oldest);
    const policy = { tokens: limits.burst, at: this.#now(), failed: 0, dropped: 0 };
    this.#policies.set(key, policy);
    return policy;
  }

  #takeToken(policy: KnownPolicy): boolean {
    const now = this.#now();
    policy.tokens = Math.min(limits.burst, policy.tokens + (now - policy.at) * limits.perMs);
    policy.at = now;
    if (policy.tokens < 1) return false;
    policy.tokens--;
    return true;
  }

  #next(): void {
    if (this.#running >= limits.atOnce) return;
    const one = this.#waiting.shift();
    if (one === undefined) return;
    this.#running++;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(limits.ms)]);
    this.#send(one.request, signal)
      .then(
        () => this.#count(one, "done"),
        () => this.#count(one, "failed"),
      )
      .finally(() => {
        this.#running--;
        this.#next();
      });
  }
}

const kindOf = ({ action }: RequestAction): RequestKind => {
  const { requests } = actionRow(action);
  if (requests === undefined) throw new RangeError(`${action} makes no request`);
  return requests;
};

const actionOf: Readonly<Record<RequestKind, string>> = { http: "GetUrl", dns: "DnsLookup" };

const keyOf = ({ policyName, policyNamespace }: PolicyName) => `${policyNamespace}/${policyName}`;
